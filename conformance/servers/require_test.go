package servers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// verdict is a test that can be watched as it ends.
type verdict struct {
	testing.TB
	fatal, skipped string
}

func (v *verdict) Helper() {}

func (v *verdict) Fatalf(format string, args ...any) {
	v.fatal = fmt.Sprintf(format, args...)
	panic(v)
}

func (v *verdict) Skipf(format string, args ...any) {
	v.skipped = fmt.Sprintf(format, args...)
	panic(v)
}

// watch returns how a test ends that does f.
func watch(f func(tb testing.TB)) (v *verdict) {
	v = &verdict{}
	defer func() { _ = recover() }()
	f(v)
	return v
}

func TestRequire(t *testing.T) {
	for _, c := range []struct {
		list    string
		unknown string
		fails   []string
	}{
		{"", "", nil},
		{"all", "", []string{"postgres", "pgbouncer", "redis", "mongo"}},
		{"postgres", "", []string{"postgres"}},
		{"redis, mongo,", "", []string{"redis", "mongo"}},
		{"postgresql", `"postgresql"`, nil},
		{"All", `"All"`, nil},
		{"redis,mongodb", `"mongodb"`, nil},
	} {
		t.Setenv("MYAUTH_TEST_REQUIRE", c.list)
		t.Setenv("MYAUTH_TEST_REDIS_URL", "redis://somewhere")
		// A server that is there says so as well.
		v := watch(func(tb testing.TB) { Redis(tb) })
		if (v.fatal != "") != (c.unknown != "") || !strings.Contains(v.fatal, c.unknown) {
			t.Errorf("%q: got %q, want an error that names %s", c.list, v.fatal, c.unknown)
		}
		for _, name := range []string{"postgres", "pgbouncer", "redis", "mongo"} {
			v := watch(func(tb testing.TB) { missing(tb, name, fmt.Errorf("no %s", name)) })
			if failed := v.fatal != ""; failed != (c.unknown != "" || slices.Contains(c.fails, name)) || failed == (v.skipped != "") {
				t.Errorf("%q without %s: failed with %q, skipped with %q", c.list, name, v.fatal, v.skipped)
			}
		}
	}
}
