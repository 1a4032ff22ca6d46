package postgres_test

import (
	"math/bits"
	"strings"
	"testing"

	"myauth.internal/drivers/postgres"
)

// Behind a pooler the statement of another client may have the same number. With a
// version of lib/pq that cannot be given other names this fails, and statements have
// none.
func TestNamesThatNobodyElseHas(t *testing.T) {
	if bits.UintSize < 64 {
		t.Skip("statements have no names where an int has 32 bits")
	}
	dataSource := schema(t)
	seen := make(map[string]bool)
	for range 2 {
		store := open(t, dataSource, &postgres.Options{MaxConns: 1})
		lookUp(t, store)()
		var names string
		if err := postgres.Pool(store).QueryRowContext(t.Context(), "SELECT string_agg(name, ' ') FROM pg_prepared_statements").Scan(&names); err != nil {
			t.Fatal(err)
		}
		for name := range strings.FieldsSeq(names) {
			if len(name) < 19 || seen[name] {
				t.Errorf("a statement is called %s", name)
			}
			seen[name] = true
		}
	}
	if len(seen) < 2 {
		t.Errorf("%d statements are prepared", len(seen))
	}
}
