//go:build unix

package servers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// It is one context for the wait and for the build: two would together take longer
// than a test has.
func TestABuildEndsWithItsContext(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	wants := func(what string) {
		if _, err := buildFerretDB(done); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want one that has %q", err, what)
		}
	}
	if os.Getenv(buildVariable) != "" { // another process has the lock
		wants("locked for ")
		return
	}
	temp := t.TempDir()
	if err := os.WriteFile(filepath.Join(temp, "go"), []byte("#!/bin/sh\nexec sleep 10\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", temp+":"+os.Getenv("PATH"))
	t.Setenv("HOME", temp)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(temp, "cache"))
	wants("did not end within ")

	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := lockFile(t.Context(), filepath.Join(cache, "myauth-test-servers", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := (program{
		dir: t.TempDir(), signal: "KILL",
		command: []string{self, "-test.run", "^" + t.Name() + "$"}, env: append(os.Environ(), buildVariable+"=1"),
	}).run(within(t, 30*time.Second)); err != nil {
		t.Error(err)
	}
}

const buildVariable = "MYAUTH_SERVERS_TEST_BUILD"
