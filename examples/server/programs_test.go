package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// servingExamples are the example programs that serve, beside this one, as directories.
var servingExamples = []string{
	"../customstore", "../protect", "../wasm/hooks",
	"../routers/chi", "../routers/echo", "../routers/gin", "../routers/nethttp", "../routers/prefix",
}

// TestExamplesEndStalledClients: none of the programs that people copy lets a client
// that has stopped sending keep its connection, and each ends in order.
func TestExamplesEndStalledClients(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for the timeouts of the programs, ten seconds")
	}
	stalled := map[string]stalledClient{}
	for _, dir := range servingExamples {
		cmd := exec.Command(buildProgram(t, dir, "."), "-addr", "127.0.0.1:0")
		cmd.Dir = t.TempDir()
		if dir == "../wasm/hooks" {
			cmd.Dir = dir // where it builds its plug-in
		}
		stalled[dir] = stall(startProgram(t, cmd))
	}
	for dir, client := range stalled {
		t.Run(dir, client.ends)
	}
}

// TestExamplesAreListed: a new program that serves is in the list.
func TestExamplesAreListed(t *testing.T) {
	listed := map[string]bool{}
	for _, dir := range servingExamples {
		listed[filepath.Join(dir, "main.go")] = true
	}
	// In these the server is elsewhere.
	for _, dir := range []string{".", "../wasm/edge", "../wasm/playground"} {
		listed[filepath.Join(dir, "main.go")] = true
	}
	found := 0
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Name() != "main.go" || filepath.Base(filepath.Dir(path)) == "guest" || filepath.Base(filepath.Dir(path)) == "page" {
			return err
		}
		if path, err = filepath.Rel("../server", path); err != nil {
			return err
		}
		if found++; !listed[path] {
			t.Errorf("%s is not in the list of servers", path)
		}
		return nil
	})
	if err != nil || found < len(servingExamples) {
		t.Errorf("%d programs found: %v", found, err)
	}
}

// buildProgram builds what, a package or a file, in dir.
func buildProgram(t *testing.T, dir, what string, env ...string) (program string) {
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
func startProgram(t *testing.T, cmd *exec.Cmd) *process {
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
