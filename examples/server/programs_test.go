package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestExamplesEndStalledClients: no example lets a client that has stopped sending keep
// its connection, and each ends in order. Most serve by demo.Serve, so one stands for them.
func TestExamplesEndStalledClients(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for the timeouts of the programs, ten seconds")
	}
	t.Parallel()
	for _, dir := range []string{"../customstore", "../routers/nethttp"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(buildProgram(t, dir, "."), "-addr", "127.0.0.1:0")
			cmd.Dir = t.TempDir()
			stall(startProgram(t, cmd)).ends(t)
		})
	}
}

// TestExamplesServeAlike: every other program serves by demo.Serve, which Run calls too.
func TestExamplesServeAlike(t *testing.T) {
	mains, err := filepath.Glob("../*/main.go")
	deeper, err2 := filepath.Glob("../*/*/main.go")
	if mains = append(mains, deeper...); err != nil || err2 != nil || len(mains) < 10 {
		t.Fatalf("%d programs found: %v %v", len(mains), err, err2)
	}
	apart := []string{"../authenticator", "../customstore", "../server", "../wasm/edge", "../wasm/playground", "../webapp"} // these have other tests, or serve nothing
	for _, main := range mains {
		text, err := os.ReadFile(main)
		if err != nil {
			t.Fatal(err)
		}
		if serves := strings.Contains(string(text), "demo.Serve(") || strings.Contains(string(text), "demo.Run("); !serves && !slices.Contains(apart, filepath.Dir(main)) {
			t.Errorf("%s does not serve by package demo", main)
		}
	}
}

// buildProgram builds what, a package or a file, in dir.
func buildProgram(t testing.TB, dir, what string, env ...string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, what)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s in %s: %v\n%s", what, dir, err, text)
	}
	return program
}

// startProgram starts a program that says where it listens.
func startProgram(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := startProcess(t, cmd, nil)
	p.url = p.waitFor(`listening on (http://\S+)$`)[1]
	return p
}

// stalledClient is a client of a program that has stopped in the middle of a body.
type stalledClient struct {
	program *process
	conn    net.Conn
}

func stall(p *process) stalledClient {
	p.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	io.WriteString(conn, "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	return stalledClient{p, conn}
}

// ends looks for the end of the connection, and of the program after a SIGTERM.
func (c stalledClient) ends(t *testing.T) {
	c.conn.SetDeadline(time.Now().Add(patience)) // only so that a failure ends
	if text, err := io.ReadAll(c.conn); err != nil {
		t.Errorf("%v; it has answered %q", err, text)
	}
	c.program.stop()
}
