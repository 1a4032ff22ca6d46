package sqlite_test

import (
	"database/sql"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/drivers/sqlite"
)

func TestConformance(t *testing.T) { conformance.Run(t, config) }

// TestSharedThrottle proves the buckets of a throttle over the tokens.
func TestSharedThrottle(t *testing.T) { conformance.RunBuckets(t, config) }

var config = conformance.Config{New: func(t testing.TB) conformance.Open {
	path := tempFile(t)
	return func(t testing.TB) conformance.Stores {
		store, err := sqlite.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return conformance.Stores{
			Stores: store.Stores(),
			Close:  store.Close,
			Stall:  func() (release func()) { return lock(t, path) },
			Newer:  newer(sqlite.Pool(store)),
		}
	}
}, Without: []conformance.Ability{conformance.Networking}, Parallel: true}

// newer returns what makes rows claim to be of a newer form.
func newer(db *sql.DB) func(table, id string) error {
	return func(table, id string) error {
		_, err := db.Exec("UPDATE "+table+" SET form = 99 WHERE id = $1", id)
		return err
	}
}
