//go:build unix

package servers

import (
	"context"
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
	"slices"
	"strings"
	"syscall"
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

// ferretdbAdvice is for a machine on which the build fails, or takes too long for a test.
const ferretdbAdvice = "FerretDB is built with the go command and the module proxy: build it beforehand with " +
	"go test -timeout 1h -run TestEachIsStartedOnce/mongo myauth.internal/conformance/servers, or name a server in MYAUTH_TEST_MONGO_URI"

func startMongo() (string, error) { return started(ferretdbStarter) }

func ferretdbStarter() (starter, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	binary, err := buildFerretDB(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, ferretdbAdvice)
	}
	return func(port string) (string, error) {
		dir, err := tempDir("mongo", nil)
		if err != nil {
			return "", err
		}
		address := net.JoinHostPort(loopback, port)
		_, err = program{
			dir:     dir,
			signal:  "KILL",
			command: []string{binary, "-addr", address, "-dir", dir},
			// Its heap is small beside what each command allocates: it spent half of its time collecting.
			env:   append(os.Environ(), "GOGC=1000", "GOMEMLIMIT=512MiB"),
			ready: func() error { return ferretdbReady(dir) },
		}.start()
		return "mongodb://" + address, err
	}, nil
}

// ferretdbReady looks for the line that the program says once it listens.
func ferretdbReady(dir string) error {
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Split(string(log), "\n"), "ready") {
		return errors.New("it does not say that it is ready")
	}
	return nil
}

// buildTimeout bounds the build, which takes about two minutes, together with the wait
// for that of another process. It is less than a test has by default, so that the
// advice is still read; a test with more time gets on.
const buildTimeout = 8 * time.Minute

// buildFerretDB returns the path of the program, which the user's cache keeps for
// as long as its source stays the same.
func buildFerretDB(ctx context.Context) (string, error) {
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
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	// Test processes that start together would each build it.
	unlock, err := lockFile(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
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
	compiler, err := exec.LookPath("go")
	if err != nil {
		return "", err
	}
	built := filepath.Join(dir, "ferretdb")
	err = program{
		dir:    dir,
		signal: "TERM",
		setup:  []string{compiler, "build", "-trimpath", "-o", built, "main.go"},
		// The directory goes with the build, so the program has to be out of it first.
		command: []string{"/bin/mv", built, binary},
		env:     append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0", "GOOS=", "GOARCH=", "GOTMPDIR="+dir),
	}.run(ctx)
	if err != nil {
		return "", fmt.Errorf("building FerretDB: %w", err)
	}
	return binary, nil
}

// lockFile waits until no other process has the file locked, or ctx is done. The lock
// ends with the process, however that ends.
func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	begin := time.Now()
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart})
		if err == nil {
			return func() { _ = file.Close() }, nil // and with it the lock goes
		}
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", name, err), file.Close())
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another process has had %s locked for %v: %w", name, time.Since(begin).Round(time.Second/10), ctx.Err()), file.Close())
		}
	}
}
