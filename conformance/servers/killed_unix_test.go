//go:build unix

package servers_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance/servers"
)

// A test starts this very binary again with the variable set to what it shall start;
// it then says where its servers listen, and waits to be killed.
const partVariable = "MYAUTH_SERVERS_TEST_PART"

var parts = map[string]func(t *testing.T) []string{
	"all": func(t *testing.T) []string {
		return slices.Concat(servers.RedisCluster(t), hosts(servers.Redis(t)), hosts(servers.Postgres(t)), hosts(servers.Mongo(t)))
	},
	"postgres": func(t *testing.T) []string { return hosts(servers.Postgres(t)) },
	"mongo":    func(t *testing.T) []string { return hosts(servers.Mongo(t)) },
}

// named are the variables that name servers which run already.
var named = []string{"MYAUTH_TEST_POSTGRES_URL", "MYAUTH_TEST_REDIS_URL", "MYAUTH_TEST_REDIS_CLUSTER", "MYAUTH_TEST_MONGO_URI"}

// canBeStarted ends the test where the programs of a part are not to be had, whatever
// servers run.
func canBeStarted(t *testing.T, part string) {
	t.Helper()
	for _, variable := range named {
		t.Setenv(variable, "")
	}
	parts[part](t)
}

func TestMain(m *testing.M) {
	part := parts[os.Getenv(partVariable)]
	if part == nil {
		os.Exit(m.Run())
	}
	testing.Init()
	testing.Main(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "servers", F: func(t *testing.T) {
		for _, address := range part(t) {
			fmt.Println("at " + address)
		}
		fmt.Println("done")
		_, _ = os.Stdin.Read(make([]byte, 1)) // for ever
	}}}, nil, nil)
}

// victim is another process that starts servers, with all that it makes in temp.
type victim struct {
	t    *testing.T
	temp string
	out  io.Reader
	kill func()
}

func startVictim(t *testing.T, part string, env ...string) *victim {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp, err := os.MkdirTemp("", "myauth-killed-") //nolint:usetesting // t.TempDir is closed to whom PostgreSQL runs as
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(temp); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(temp, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), partVariable+"="+part, "TMPDIR="+temp)
	for _, variable := range named {
		cmd.Env = append(cmd.Env, variable+"=")
	}
	cmd.Env = append(cmd.Env, env...)
	if part == "mongo" { // where no FerretDB is
		cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+temp, "HOME="+temp)
	}
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
	kill := func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it was killed
	}
	return &victim{t, temp, out, kill}
}

// eventually waits until nothing is left to name.
func (v *victim) eventually(what string, left func() []string) {
	v.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		names := left()
		if len(names) == 0 {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			v.t.Fatalf("%s, not within 30 s: %q", what, names)
		}
	}
}

// files returns what matches a pattern in the directory of the victim.
func (v *victim) files(pattern string) []string {
	names, err := filepath.Glob(filepath.Join(v.temp, pattern))
	if err != nil {
		v.t.Fatal(err)
	}
	return names
}

// appears waits until there is a file that matches.
func (v *victim) appears(pattern string) {
	v.t.Helper()
	v.eventually("waiting for a file", func() []string {
		if len(v.files(pattern)) == 0 {
			return []string{pattern}
		}
		return nil
	})
}

func TestNothingIsLeftByAProcessThatIsKilled(t *testing.T) {
	canBeStarted(t, "all")
	v := startVictim(t, "all")
	var addresses []string
	for lines := bufio.NewScanner(v.out); lines.Scan() && lines.Text() != "done"; {
		if address, ok := strings.CutPrefix(lines.Text(), "at "); ok {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) != 6 {
		t.Fatalf("the other process started %q", addresses)
	}
	for _, address := range addresses {
		dial(t, address)
	}
	v.kill()
	v.eventually("still there", func() []string {
		left := v.files("*")
		for _, address := range addresses {
			if conn, err := net.Dial("tcp", address); err == nil {
				_ = conn.Close() // what matters is that it was accepted
				left = append(left, "the server at "+address)
			}
		}
		return left
	})
}

// The longest part of PostgreSQL's start is that of initdb.
func TestNothingIsLeftByAProcessThatIsKilledWhileItStarts(t *testing.T) {
	canBeStarted(t, "postgres")
	for _, when := range []string{"myauth-test-postgres-*/log", "myauth-test-postgres-*/data", "myauth-test-postgres-*/data/base/1", "myauth-test-postgres-*/data/postmaster.pid"} {
		v := startVictim(t, "postgres")
		v.appears(when)
		v.kill()
		v.eventually("after a kill once there was "+when, func() []string { return v.files("*") })
	}
}

// Where servers are named and the programs absent, the tests that start servers have
// nothing to start; that is a failure only where it is said to be one.
func TestNamedServersAreEnough(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for required, want := range map[string]string{"": "--- SKIP", "redis": "--- FAIL"} {
		const test = "TestNothingIsLeftByAProcessThatIsKilled"
		cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run", "^"+test+"$")
		cmd.Env = append(os.Environ(), "PATH="+t.TempDir(), "MYAUTH_TEST_REQUIRE="+required)
		for _, variable := range named {
			cmd.Env = append(cmd.Env, variable+"=127.0.0.1:1")
		}
		out, err := cmd.CombinedOutput()
		if (err != nil) != (required != "") || !strings.Contains(string(out), want+": "+test) || !strings.Contains(string(out), "redis-server") {
			t.Errorf("MYAUTH_TEST_REQUIRE=%s: %v, want %s for want of redis-server:\n%s", required, err, want, out)
		}
	}
}

// The build of FerretDB is killed where it stands for minutes: here the compiler is a
// program that never ends.
func TestNothingIsLeftByABuildThatIsKilled(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\n: >$GOTMPDIR/begun\nexec sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	v := startVictim(t, "mongo", "PATH="+bin+":"+os.Getenv("PATH"))
	builds := "myauth-test-servers/build-*"
	if runtime.GOOS == "darwin" {
		builds = "Library/Caches/" + builds
	}
	v.appears(builds + "/begun")
	v.kill()
	v.eventually("after a kill", func() []string { return v.files(builds) })
}
