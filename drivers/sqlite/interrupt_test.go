package sqlite_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"myauth.internal/drivers/sqlite"
)

// Package sql does not watch the context of a read, so SQLite's driver alone ends one that takes long. The
// view would keep it busy for many seconds, and then has no such user.
func TestALongReadEndsWithItsContext(t *testing.T) {
	store, err := sqlite.Open(t.Context(), tempFile(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, err = sqlite.Pool(store).ExecContext(t.Context(), `ALTER TABLE users RENAME TO kept;
		CREATE VIEW users AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
			SELECT kept.* FROM n LEFT JOIN kept ON kept.id = n.i LIMIT 10000000`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := store.Users().ByID(ctx, "nobody"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a read that takes long: %v, want the error of its context", err)
	}
}
