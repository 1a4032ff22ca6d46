package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/ncruces/go-sqlite3"
)

// writes commits the statements of many callers together, since each commit waits for the disk. One caller at
// a time has the turn. It runs the statements of all who wait in one transaction, and they are answered after
// the commit.
//
// A statement that changes nothing is an answer to its caller, and the transaction goes on. One that fails
// undoes the transaction, also because SQLite may have done so already and would then commit what follows
// statement by statement. Each of the callers then runs its own statement alone, so that none gets the
// error of another. A commit that fails is an error for all of them, and nothing is run again, since it may
// be on the disk; unless it failed because of a constraint, which undoes it too.
type writes struct {
	db   *sql.DB
	turn chan struct{} // has room for the one that writes

	mu      sync.Mutex
	waiting []*write // in the order in which they came
}

// write is the statement of one caller.
type write struct {
	ctx     context.Context
	stmt    *sql.Stmt
	args    []any
	alone   bool          // a batch had it, which did not answer it; set while somebody has the turn
	done    chan struct{} // closed when there are the two below
	changed driver.RowsAffected
	err     error
}

// mostTogether bounds a transaction, and so how long the one that runs it works for others.
const mostTogether = 64

// immediate takes the write lock when a transaction begins, and waits for it.
var immediate = &sql.TxOptions{Isolation: sql.LevelSerializable}

// exec runs a statement when its turn has come, unless the one whose turn it is does. If ctx
// ends before the answer comes it may have been run, or be run a moment later, as whenever an answer
// is lost.
func (q *writes) exec(ctx context.Context, stmt *sql.Stmt, args []any) (sql.Result, error) {
	w := &write{ctx: ctx, stmt: stmt, args: cloned(args), done: make(chan struct{})}
	q.mu.Lock()
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	for {
		select {
		case <-w.done:
			return w.changed, w.err
		case q.turn <- struct{}{}:
			q.lead(w)
		case <-ctx.Done():
			q.leave(w)
			if !w.answered() {
				return nil, ctx.Err()
			}
		}
	}
}

// run runs one statement. The result of package sql would wait for whoever has the connection next.
func run(ctx context.Context, stmt *sql.Stmt, args []any) (driver.RowsAffected, error) {
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	changed, err := result.RowsAffected()
	return driver.RowsAffected(changed), err
}

// pass ends a turn.
func (q *writes) pass() { <-q.turn }

// cloned copies bytes, which a caller that has given up may change while its statement runs.
func cloned(args []any) []any {
	for i, arg := range args {
		if b, ok := arg.([]byte); ok {
			args[i] = bytes.Clone(b)
		}
	}
	return args
}

// leave takes a write away unless it has been begun.
func (q *writes) leave(w *write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(waits *write) bool { return waits == w })
}

// lead runs what waits, in general with w, and passes the turn on.
func (q *writes) lead(w *write) {
	defer q.pass()
	if w.answered() || w.ctx.Err() != nil {
		return
	}
	if !w.alone {
		if runtime.GOMAXPROCS(0) > 1 {
			runtime.Gosched() // so that others join; on a single P what runs next may be a hash, for a time slice
		}
		if batch := q.take(); len(batch) > 1 {
			q.together(w.ctx, batch)
			return
		}
	}
	w.changed, w.err = run(w.ctx, w.stmt, w.args)
	close(w.done)
}

// take returns what waits, as a batch. Whatever ends the batch, a panic too, each of them has had its
// answer or runs alone.
func (q *writes) take() (batch []*write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), mostTogether)
	batch = slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	for _, w := range batch {
		w.alone = true
	}
	return batch
}

// putBack leaves a batch to the next turn, without those who have given up.
func (q *writes) putBack(batch []*write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch = slices.DeleteFunc(batch, func(w *write) bool { return w.ctx.Err() != nil })
	for _, w := range batch {
		w.alone = false
	}
	q.waiting = append(batch, q.waiting...)
}

// together runs a batch in one transaction. The wait for a connection and
// for the lock ends with ctx, the context of the one that runs it, and then another tries. What
// follows does not: it is short, since nobody waits for a lock any more.
func (q *writes) together(ctx context.Context, batch []*write) {
	// After a panic cancel lets package sql roll back. A deferred Rollback could wait for ever, for the
	// statement that package sql believes is running.
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	tx, err := q.db.BeginTx(whole, immediate)
	switch {
	case !stop(): // ctx is done
		if err == nil {
			_ = tx.Rollback()
		}
		q.putBack(batch)
		return
	case err != nil:
		answer(batch, err)
		return
	}
	for _, w := range batch {
		if w.err = w.ctx.Err(); w.err == nil {
			w.changed, w.err = run(w.ctx, tx.StmtContext(w.ctx, w.stmt), w.args)
			if w.err != nil {
				_ = tx.Rollback()
				return
			}
		}
	}
	if err = tx.Commit(); !errors.Is(err, sqlite3.CONSTRAINT) { // which an application has deferred
		answer(batch, err)
	}
}

// answer ends the wait of a batch, whose statements have been committed, or have met err.
func answer(batch []*write, err error) {
	for _, w := range batch {
		if err != nil {
			w.err = err
		}
		close(w.done)
	}
}

func (w *write) answered() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}
