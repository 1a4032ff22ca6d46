package sqlite

import (
	"context"
	"database/sql"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
)

// checkpoints copy what the write-ahead log holds into the database file, so that the
// log can begin anew (https://sqlite.org/wal.html#ckpt). SQLite by itself does so at
// the end of the commit that has made the log long: the write lock is free by then,
// but the store's own turn is not, and every writer of the store would wait for the
// disk.
type checkpoints struct {
	pages atomic.Int64 // what the log held after the last commit
	// copied is how many of them the last checkpoint after a write left copied. It is
	// out of date for a while where another process has made the log begin anew.
	copied  atomic.Int64
	claimed atomic.Bool // somebody is about one after a write
	// running has room for the one who makes a checkpoint. Only those who have a
	// connection wait for it.
	running chan struct{}
}

func newCheckpoints() *checkpoints { return &checkpoints{running: make(chan struct{}, 1)} }

// The bounds are in pages: of 4 KiB, in a file that Open has made.
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
// commit is complete and before another one of the store begins. A failure to copy
// loses nothing, and the next commit tries again.
func (k *checkpoints) committed(c *sqlite3.Conn, schema string, pages int) error {
	length := int64(pages)
	k.pages.Store(length)
	if length < k.copied.Load() {
		k.copied.Store(0) // a log that began anew
	}
	if length >= mostLogPages {
		k.running <- struct{}{} // SQLite would not wait for another checkpoint, and make none
		defer func() { <-k.running }()
		_, _, _ = c.WALCheckpoint(schema, sqlite3.CHECKPOINT_PASSIVE)
	}
	return nil
}

// afterWrite makes a checkpoint, if one is due and nobody is about it already. What the
// last one has copied does not count: writers that never pause would have one behind
// each commit until the log begins anew, and take a quarter longer.
func (k *checkpoints) afterWrite(ctx context.Context, db *sql.DB) {
	if k.pages.Load()-k.copied.Load() < checkpointPages || !k.claimed.CompareAndSwap(false, true) {
		return
	}
	defer k.claimed.Store(false)
	conn, err := db.Conn(ctx)
	if err != nil {
		return // the next write tries again
	}
	defer func() { _ = conn.Close() }() // it goes back to the pool
	select {
	case k.running <- struct{}{}:
		defer func() { <-k.running }()
	case <-ctx.Done():
		return
	}
	var busy, length, copied int64
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &length, &copied)
	if err == nil && busy == 0 {
		k.copied.Store(copied)
	}
}
