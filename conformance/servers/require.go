package servers

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// shared is a server that is started once for the process.
type shared[T any] struct {
	once  sync.Once
	value T
	err   error
}

// get starts the server at the first call, and ends the test when that failed.
func (s *shared[T]) get(tb testing.TB, name string, start func() (T, error)) T {
	tb.Helper()
	s.once.Do(func() { s.value, s.err = start() })
	if s.err != nil {
		missing(tb, name, s.err)
	}
	return s.value
}

// missing skips the test, or fails it where the server is required.
func missing(tb testing.TB, name string, err error) {
	tb.Helper()
	required := strings.Split(os.Getenv("MYAUTH_TEST_REQUIRE"), ",")
	if slices.Contains(required, "all") || slices.Contains(required, name) {
		tb.Fatalf("servers: %s is required by MYAUTH_TEST_REQUIRE: %v", name, err)
	}
	tb.Skipf("servers: not tried, for want of %s: %v", name, err)
}
