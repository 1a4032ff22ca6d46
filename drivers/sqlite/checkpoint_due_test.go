package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/ncruces/go-sqlite3"
)

// TestWhenACheckpointIsDue counts those after writes, by the length of the log.
func TestWhenACheckpointIsDue(t *testing.T) {
	k := newCheckpoints()
	counter := &counted{}
	db := sql.OpenDB(counter)
	defer db.Close()
	counter.during = func() { k.afterWrite(t.Context(), db) } // another writer, who leaves it to the first
	const due = checkpointPages
	for i, step := range []struct {
		pages   int   // after a commit
		copied  int64 // by the checkpoint
		busy    int64
		happens bool
	}{
		{pages: due - 1},
		{pages: due, copied: due, happens: true},
		{pages: 2*due - 1}, // what is copied already does not count
		{pages: 2 * due, copied: 2 * due, busy: 1, happens: true},
		{pages: 2*due + 5, copied: 2 * due, happens: true}, // nothing was copied by that
		{pages: 3*due - 1},
		{pages: 7}, // the log has begun anew
		{pages: due - 1},
		{pages: due, copied: 3, happens: true}, // a reader kept it from going on
		{pages: due + 2},
		{pages: due + 3, copied: due + 3, happens: true},
	} {
		counter.queries, counter.row = 0, []driver.Value{step.busy, int64(step.pages), step.copied}
		if err := k.committed(nil, "main", step.pages); err != nil {
			t.Fatal(err)
		}
		k.afterWrite(t.Context(), db)
		if happens := counter.queries == 1; happens != step.happens || counter.queries > 1 {
			t.Errorf("step %d, %+v: %d checkpoints", i, step, counter.queries)
		}
	}
}

// TestCommitsWaitForACheckpoint: the log would grow by all that is written beside one.
func TestCommitsWaitForACheckpoint(t *testing.T) {
	c, err := sqlite3.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	synctest.Test(t, func(t *testing.T) {
		k := newCheckpoints()
		k.running <- struct{}{} // a checkpoint is under way
		done := 0
		commit := func(pages int) {
			if err := k.committed(c, "main", pages); err != nil {
				t.Error(err)
			}
			done++
		}
		commit(mostLogPages - 1)
		go commit(mostLogPages)
		synctest.Wait()
		if done != 1 {
			t.Error("a commit that reaches the bound did not wait")
		}
		<-k.running
		synctest.Wait()
		if done != 2 {
			t.Error("a commit still waits though nobody makes a checkpoint")
		}
	})
}

// counted is a database, and all that belongs to one, which counts the queries that it
// answers.
type counted struct {
	queries int
	row     []driver.Value
	during  func()
}

func (c *counted) Connect(context.Context) (driver.Conn, error) { return c, nil }
func (c *counted) Driver() driver.Driver                        { return nil }
func (c *counted) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (c *counted) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (c *counted) Close() error                                 { return nil }
func (c *counted) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	if query != "PRAGMA wal_checkpoint(PASSIVE)" {
		return nil, errors.New("an unexpected query: " + query)
	}
	c.queries++
	c.during()
	return &oneRow{c.row}, nil
}

type oneRow struct{ row []driver.Value }

func (r *oneRow) Columns() []string { return []string{"busy", "log", "checkpointed"} }
func (r *oneRow) Close() error      { return nil }
func (r *oneRow) Next(dest []driver.Value) error {
	if r.row == nil {
		return io.EOF
	}
	copy(dest, r.row)
	r.row = nil
	return nil
}
