//go:build unix

package servers_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance/servers"
)

// The test starts this very binary again with the variable set; it then starts
// servers, says where they listen, and waits to be killed.
const partVariable = "MYAUTH_SERVERS_TEST_PART"

func TestMain(m *testing.M) {
	if os.Getenv(partVariable) == "" {
		os.Exit(m.Run())
	}
	testing.Init()
	testing.Main(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "servers", F: func(t *testing.T) {
		for _, text := range []string{servers.Postgres(t), servers.Redis(t)} {
			fmt.Println("at " + host(t, text))
		}
		fmt.Println("done")
		_, _ = os.Stdin.Read(make([]byte, 1)) // for ever
	}}}, nil, nil)
}

func TestNothingIsLeftByAProcessThatIsKilled(t *testing.T) {
	// They are there, or this ends here.
	servers.Postgres(t)
	servers.Redis(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp, err := os.MkdirTemp("", "myauth-killed-") //nolint:usetesting // t.TempDir is closed to whom PostgreSQL runs as
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), partVariable+"=1", "TMPDIR="+temp, "MYAUTH_TEST_POSTGRES_URL=", "MYAUTH_TEST_REDIS_URL=")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "done"; {
		if address, ok := strings.CutPrefix(lines.Text(), "at "); ok {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) != 2 {
		t.Fatalf("the other process started %q", addresses)
	}
	for _, address := range addresses {
		dial(t, address)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed

	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		left, err := filepath.Glob(filepath.Join(temp, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range addresses {
			if conn, err := net.Dial("tcp", address); err == nil {
				_ = conn.Close() // what matters is that it was accepted
				left = append(left, "the server at "+address)
			}
		}
		if len(left) == 0 {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("still there after 20 s: %q", left)
		}
	}
}
