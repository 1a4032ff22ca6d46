package servers

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// required returns the names in MYAUTH_TEST_REQUIRE, and ends the test when one is no
// server's: a misspelt one would require nothing.
func required(tb testing.TB) []string {
	tb.Helper()
	known := []string{"all", "postgres", "pgbouncer", "redis", "mongo"}
	var names []string
	for name := range strings.SplitSeq(os.Getenv("MYAUTH_TEST_REQUIRE"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.Contains(known, name) {
			tb.Fatalf("servers: MYAUTH_TEST_REQUIRE names %q: it is a list of %q", name, known)
		}
		names = append(names, name)
	}
	return names
}

// missing skips the test, or fails it where the server is required.
func missing(tb testing.TB, name string, err error) {
	tb.Helper()
	if names := required(tb); slices.Contains(names, "all") || slices.Contains(names, name) {
		tb.Fatalf("servers: %s is required by MYAUTH_TEST_REQUIRE: %v", name, err)
	}
	tb.Skipf("servers: not tried, for want of %s: %v", name, err)
}
