package sqlite

import (
	"context"
	"database/sql"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
)

// checkpoints copy what the write-ahead log holds into the database file, so that the
// log begins anew (https://sqlite.org/wal.html#ckpt). SQLite by itself does so at the
// end of the commit that has made the log long: the write lock is free by then, but
// the store's own turn is not, and every writer of the store would wait for the disk.
type checkpoints struct {
	pages   atomic.Int64 // what the log held after the last commit
	copied  atomic.Int64 // how many of them the last checkpoint left copied
	running atomic.Bool
}

// The bounds are in pages of 4 KiB.
const (
	// checkpointPages is how many new pages make a checkpoint worth its syncs: as
	// many as for SQLite itself.
	checkpointPages = 1000
	// mostLogPages makes the writers wait after all. Beside writers that never
	// pause a checkpoint never reaches the end of the log, and so the log would
	// never begin anew.
	mostLogPages = 4 * checkpointPages
)

// committed is the hook that a connection calls with the length of the log, when a
// commit has been acknowledged and before another one of the store begins. A failure
// to copy loses nothing, and the next commit tries again.
func (k *checkpoints) committed(c *sqlite3.Conn, schema string, pages int) error {
	length := int64(pages)
	k.pages.Store(length)
	if length < k.copied.Load() {
		k.copied.Store(0) // a log that began anew
	}
	if length < mostLogPages {
		return nil
	}
	if _, copied, err := c.WALCheckpoint(schema, sqlite3.CHECKPOINT_PASSIVE); err == nil {
		k.copied.Store(int64(copied))
	}
	return nil
}

// afterWrite is a checkpoint, if one is due and nobody is about it already. What the
// last one copied does not count: writers that never pause would have one behind
// each commit until the log begins anew, and take a quarter longer.
func (k *checkpoints) afterWrite(ctx context.Context, db *sql.DB) {
	if k.pages.Load()-k.copied.Load() < checkpointPages || !k.running.CompareAndSwap(false, true) {
		return
	}
	defer k.running.Store(false)
	var busy, length, copied int64
	err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &length, &copied)
	if err == nil && busy == 0 {
		k.copied.Store(copied)
	}
}
