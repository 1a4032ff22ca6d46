package main

import (
	"os/exec"
	"strings"
	"testing"
)

// Each build tag leaves out one driver, with all that only it links.
func TestBuildTags(t *testing.T) {
	all := map[string]string{
		"nosqlite": "github.com/ncruces/go-sqlite3", "nopostgres": "github.com/lib/pq",
		"nomongo": "go.mongodb.org/mongo-driver/v2", "noredis": "github.com/redis/go-redis/v9",
	}
	for tag := range all {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", tag, ".").Output()
		if err != nil {
			t.Fatal(err)
		}
		for other, driver := range all {
			if linked := strings.Contains(string(out), driver); linked != (other != tag) {
				t.Errorf("%s: %s is linked: %t", tag, driver, linked)
			}
		}
	}
}

// A server without databases serves from memory, and says what it was built without. The tests need
// nothing of the files that are left out then.
func TestServerWithoutDatabases(t *testing.T) {
	const tags = "nomongo,nopostgres,noredis,nosqlite"
	server := buildProgram(t, ".", ".", "GOFLAGS=-tags="+tags)
	for url, tag := range map[string]string{"sqlite:x.db": "nosqlite", "postgresql://x/y": "nopostgres", "mongodb+srv://x/y": "nomongo", "rediss://x": "noredis"} {
		cmd := serverCommand(t.TempDir(), server)
		cmd.Env = append(cmd.Env, "MYAUTH_STORE="+url)
		p := startProcess(t, cmd, nil)
		if status := p.status(); status != exitBadSetting || !strings.Contains(p.stderr(), "build it without -tags "+tag) {
			t.Errorf("%s: exit status %d, %s", url, status, p.stderr())
		}
	}
	help := startProcess(t, serverCommand(t.TempDir(), server, "-h"), nil)
	if status := help.status(); status != 0 || !strings.Contains(help.out.String(), "-tags "+tags) {
		t.Errorf("-h: exit status %d", status)
	}
	cmd := serverCommand(t.TempDir(), server)
	cmd.Env = append(cmd.Env, "MYAUTH_STORE=memory:")
	p := startProgram(t, cmd)
	p.do(200, "GET", "/readyz", "", "")
	p.stop()
	if out, err := exec.CommandContext(t.Context(), "go", "vet", "-tags", tags, ".").CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}
