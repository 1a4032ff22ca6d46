package sqlite_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"myauth.internal/conformance"
	"myauth.internal/drivers/sqlite"
)

// Every statement counts, also one that begins or ends a transaction.
func TestTrips(t *testing.T) {
	store, err := sqlite.Open(t.Context(), tempFile(t), &sqlite.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conn, err := sqlite.Pool(store).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var statements atomic.Int64
	err = conn.Raw(func(c any) error {
		return c.(driver.Conn).Raw().Trace(sqlite3.TRACE_STMT, func(sqlite3.TraceEvent, any, any) error {
			statements.Add(1)
			return nil
		})
	})
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	conformance.RunTrips(t, store.Stores(), func() int { return int(statements.Load()) }, map[string]int{
		"tokens.DeleteExpired": 1, "credentials.DeleteExpired": 1, // puts off what is due and has been extended
	})
}
