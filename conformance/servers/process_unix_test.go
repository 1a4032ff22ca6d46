//go:build unix

package servers

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// install makes programs that do nothing.
func install(t *testing.T, paths ...string) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, path := range paths {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFindTakesTheHighestVersion(t *testing.T) {
	root := install(t, "a/9.6/bin/initdb", "a/15/bin/initdb", "a/9.6/bin/postgres", "b/pgsql-14/bin/initdb")
	t.Setenv("PATH", t.TempDir())
	// The name of the directory has numbers of its own, the same for all of them.
	got, err := find("initdb", filepath.Join(root, "a/*/bin"), filepath.Join(root, "b/pgsql-*/bin"))
	if want := filepath.Join(root, "a/15/bin/initdb"); got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if got, err := beside(got, "postgres"); err == nil {
		t.Errorf("got the %s of another version", got)
	}
	if _, err := find("initdb", filepath.Join(root, "c/*/bin")); err == nil || !strings.Contains(err.Error(), "initdb is not installed") {
		t.Errorf("where there is none: %v", err)
	}
}

func TestBesideGoesBeforePath(t *testing.T) {
	root := install(t, "9.6/postgres", "16/initdb", "16/postgres")
	t.Setenv("PATH", filepath.Join(root, "9.6"))
	got, err := beside(filepath.Join(root, "16/initdb"), "postgres")
	if want := filepath.Join(root, "16/postgres"); got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	link := filepath.Join(t.TempDir(), "initdb")
	if err := os.Symlink(filepath.Join(root, "16/initdb"), link); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(filepath.Join(root, "16/postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := beside(link, "postgres"); got != real || err != nil {
		t.Errorf("by a link: got %s, %v, want %s", got, err, real)
	}
}

// A setup that fails is the end, and what it said is in the error.
func TestASetupThatFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's mine")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := program{
		dir: dir, signal: "KILL",
		setup:   []string{"/bin/sh", "-c", "echo 'no room' in \"$PWD\"; exit 3"},
		command: []string{"/bin/sh", "-c", "echo it was started all the same; exit 4"},
		ready:   func() error { return os.ErrNotExist },
	}.start()
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no room in ") || !strings.Contains(err.Error(), "it's mine") || strings.Contains(err.Error(), "all the same") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("its directory is still there")
	}
}

// What a start that failed has opened is closed, so that nothing of it waits for the
// end of this process.
func TestAStartThatFailsLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var before int
	for i := range 5 {
		if i == 1 { // the first one opens what the runtime keeps
			before = descriptors(t)
		}
		dir, err := tempDir("none", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = program{
			dir: dir, signal: "KILL", command: []string{"/bin/sh", "-c", "exit 3"},
			ready: func() error { return os.ErrNotExist },
		}.start()
		if err == nil || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("got %v", err)
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d were before", after, before)
	}
	if os.Geteuid() != 0 {
		if _, err := tempDir("none", &syscall.Credential{}); err == nil {
			t.Error("whoever this is gives files to root")
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// descriptors counts those that this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// The nodes of a cluster that does not come to be are not left to themselves.
func TestAClusterThatFailsLeavesNothing(t *testing.T) {
	server, err := find("redis-server")
	if err != nil {
		missing(t, "redis", err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	// It runs the true server, but for the last of three nodes.
	fake := filepath.Join(install(t, "redis-server"), "redis-server")
	script := "#!/bin/sh\necho $2 >>" + fake + ".ports\n[ $(wc -l <" + fake + ".ports) -lt 3 ] && exec " + server + ` "$@"` + "\nexit 3\n"
	if err := os.WriteFile(fake, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := startRedisClusterOnce(fake, 3); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Fatalf("got %v", err)
	}
	ports, err := os.ReadFile(fake + ".ports")
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range strings.Fields(string(ports)) {
		if conn, err := net.Dial("tcp", net.JoinHostPort(loopback, port)); err == nil {
			t.Errorf("something listens on %s", conn.RemoteAddr())
			_ = conn.Close() // what matters is that it was accepted
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestRunEndsWhatTakesTooLong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := program{dir: dir, signal: "TERM", command: []string{"/bin/sh", "-c", "echo building; exec sleep 600"}}.run(within(t, 100*time.Millisecond))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "did not end within ") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("its directory is still there")
	}
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// The lock of another process is waited for.
func TestLockFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	if os.Getenv(lockVariable) != "" {
		name = os.Getenv(lockVariable)
	}
	unlock, err := lockFile(within(t, time.Second), name)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if os.Getenv(lockVariable) != "" {
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := func() error {
		return program{
			dir: t.TempDir(), signal: "KILL",
			command: []string{self, "-test.run", "TestLockFile"}, env: append(os.Environ(), lockVariable+"="+name),
		}.run(within(t, time.Minute))
	}
	if err := other(); err == nil || !strings.Contains(err.Error(), "has had "+name+" locked for ") {
		t.Errorf("while it is locked: %v", err)
	}
	unlock()
	if err := other(); err != nil {
		t.Errorf("when it is free: %v", err)
	}
}

const lockVariable = "MYAUTH_SERVERS_TEST_LOCK"
