//go:build unix

package servers

import (
	"crypto/sha256"
	_ "embed" // for the source of FerretDB's module
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// The module of FerretDB travels as text: a module inside another one would not
// be part of its release, and its dependencies must not be ours.
var (
	//go:embed ferretdb/main.go
	ferretdbMain string
	//go:embed ferretdb/go.mod.txt
	ferretdbMod string
	//go:embed ferretdb/go.sum.txt
	ferretdbSum string
)

func startMongo() (string, error) {
	binary, err := buildFerretDB()
	if err != nil {
		return "", fmt.Errorf("%w: FerretDB is built with the go command and the module proxy; or name a server in MYAUTH_TEST_MONGO_URI", err)
	}
	return retry(func() (string, error) { return startFerretDB(binary) })
}

func startFerretDB(binary string) (string, error) {
	dir, err := tempDir("mongo", nil)
	if err != nil {
		return "", err
	}
	ports, err := freePorts(1)
	if err != nil {
		return "", err
	}
	address := net.JoinHostPort("127.0.0.1", ports[0])
	err = program{
		dir:     dir,
		signal:  "KILL",
		command: []string{binary, "-addr", address, "-dir", dir},
		ready: func() error {
			conn, err := net.DialTimeout("tcp", address, time.Second)
			if err != nil {
				return err
			}
			return conn.Close()
		},
	}.start()
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return "mongodb://" + address, nil
}

// buildFerretDB returns the path of the program, which the user's cache keeps for
// as long as its source stays the same.
func buildFerretDB() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	files := map[string]string{"main.go": ferretdbMain, "go.mod": ferretdbMod, "go.sum": ferretdbSum}
	for _, name := range []string{"main.go", "go.mod", "go.sum"} {
		_, _ = io.WriteString(sum, files[name]+"\x00") // a hash takes everything
	}
	cache = filepath.Join(cache, "myauth-test-servers")
	binary := filepath.Join(cache, "ferretdb-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	built := filepath.Join(dir, "ferretdb")
	cmd := exec.Command("go", "build", "-trimpath", "-o", built, "main.go")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building FerretDB: %w: %s", err, tail(out))
	}
	// Another process may have built it meanwhile: the same program.
	return binary, os.Rename(built, binary)
}
