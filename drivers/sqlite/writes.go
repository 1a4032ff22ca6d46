package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"sync"

	"myauth.internal/kit/sqlstore"
)

// writes commits the statements of many callers together, since each commit waits for the disk. Who
// finds nobody writing writes at once. The others wait, and the first of them whose turn comes runs
// what all of them want in one transaction, so each answer says what is on the disk.
//
// A statement that changes nothing, or that a unique key prevents, is an answer to its caller and the
// transaction goes on. Any other error rolls it back, and then each of the callers runs its own
// statement alone, so that nobody gets the error of another. Only if the disk or the lock
// prevents the commit itself do all get that error.
type writes struct {
	db       *sql.DB
	classify func(error) (sqlstore.Kind, string)
	turn     chan struct{} // has room for the one that writes

	mu      sync.Mutex
	waiting []*write // in the order in which they came
}

// write is the statement of one caller.
type write struct {
	ctx     context.Context
	stmt    *sql.Stmt
	args    []any
	alone   bool          // not with others again; set while somebody has the turn
	done    chan struct{} // closed when there are the two below
	changed driver.RowsAffected
	err     error
}

// mostTogether bounds a transaction, and so how long the one that runs it works for others.
const mostTogether = 64

// immediate takes the write lock when a transaction begins, and waits for it.
var immediate = &sql.TxOptions{Isolation: sql.LevelSerializable}

// exec runs a statement when its turn has come, unless the one whose turn it is does. If ctx
// ends before the answer comes it may have been run, as whenever an answer is lost.
func (q *writes) exec(ctx context.Context, stmt *sql.Stmt, args []any) (sql.Result, error) {
	select {
	case q.turn <- struct{}{}:
		defer q.pass()
		return run(ctx, stmt, args)
	default:
	}
	w := &write{ctx: ctx, stmt: stmt, args: cloned(args), done: make(chan struct{})}
	q.mu.Lock()
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	for {
		select {
		case <-w.done:
			return w.changed, w.err
		default:
		}
		select {
		case <-w.done:
		case q.turn <- struct{}{}:
			q.lead(w)
		case <-ctx.Done():
			q.leave(w)
			select {
			case <-w.done:
			default:
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

// lead runs what waits, w among it unless another has run that, and passes the turn on.
func (q *writes) lead(w *write) {
	defer q.pass()
	var batch []*write
	if !w.alone && w.ctx.Err() == nil {
		batch = q.take(nil)
	}
	switch {
	case w.alone, len(batch) == 1 && batch[0] == w:
		w.answer(run(w.ctx, w.stmt, w.args))
	case len(batch) > 0:
		q.together(w.ctx, batch)
	}
}

// take adds to a batch what waits.
func (q *writes) take(batch []*write) []*write {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) > 0 && len(batch) < mostTogether {
		batch = append(batch, q.waiting[0])
		q.waiting[0], q.waiting = nil, q.waiting[1:]
	}
	return batch
}

// together runs a batch, and what comes meanwhile, in one transaction. The wait for a connection and
// for the lock ends with ctx, the context of the one that runs it, and then another tries. What
// follows does not: it is short, since nobody waits for a lock any more.
func (q *writes) together(ctx context.Context, batch []*write) {
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	tx, err := q.db.BeginTx(whole, immediate)
	if err == nil {
		defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	}
	switch {
	case !stop(): // ctx is done
		q.mu.Lock()
		q.waiting = append(batch, q.waiting...)
		q.mu.Unlock()
		return
	case err != nil:
		answer(batch, err)
		return
	}
	for i := 0; i < len(batch); i++ {
		w := batch[i]
		if w.err = w.ctx.Err(); w.err == nil {
			w.changed, w.err = run(w.ctx, tx.StmtContext(w.ctx, w.stmt), w.args)
			if w.err != nil && !q.is(w.err, sqlstore.Duplicate) {
				leaveAlone(batch)
				return
			}
		}
		if i == len(batch)-1 {
			batch = q.take(batch)
		}
	}
	switch err := tx.Commit(); {
	case err == nil:
		for _, w := range batch {
			close(w.done)
		}
	case q.is(err, sqlstore.Unavailable):
		answer(batch, err)
	default: // an application's deferred constraint, say: nothing is committed
		leaveAlone(batch)
	}
}

func (q *writes) is(err error, kind sqlstore.Kind) bool {
	got, _ := q.classify(err)
	return got == kind
}

// leaveAlone lets each caller run its own statement when its turn comes.
func leaveAlone(batch []*write) {
	for _, w := range batch {
		w.alone = true
	}
}

func answer(batch []*write, err error) {
	for _, w := range batch {
		w.answer(0, err)
	}
}

func (w *write) answer(changed driver.RowsAffected, err error) {
	w.changed, w.err = changed, err
	close(w.done)
}
