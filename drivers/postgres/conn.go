package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

const (
	// idleCheck is the age from which an idle connection is tried before use: the
	// server, or something on the way, may have ended it.
	idleCheck = time.Second
	// tryTimeout is how long a connection has to answer when it is tried, and to be
	// closed.
	tryTimeout = 500 * time.Millisecond
)

// pqConn is what lib/pq's connections implement, as a wrapper must too.
type pqConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

type pqStmt interface {
	driver.StmtExecContext
	driver.StmtQueryContext
}

// shared is what the connections of one pool have in common.
type shared struct {
	breaks atomic.Int64 // how many connections broke
	texts  sync.Map     // the statements that a connection prepares, by their text
}

// conn is one connection of lib/pq. When the context of a call ends, lib/pq asks the server
// to cancel the statement, and then waits for it. The dialer bounds that wait, also for
// the statements and transactions of the application, which are lib/pq's own.
type conn struct {
	pqConn
	link     *link
	shared   *shared
	watch    *watch
	status   *byte             // see transactionStatus
	prepared map[string]pqStmt // nil: statements have no names
	retired  bool              // it goes out of the pool: its server takes no writes, or was asked to cancel

	used time.Time // when it came back to the pool,
	seen int64     // and breaks then
}

func newConn(inner pqConn, l *link, s *shared, w *watch) *conn {
	c := &conn{pqConn: inner, link: l, shared: s, watch: w, status: transactionStatus(inner), used: time.Now(), seen: s.breaks.Load()}
	if randomNames(inner) {
		c.prepared = make(map[string]pqStmt)
	}
	return c
}

// check looks at how something ended. What the server answered leaves the connection
// as good as before, and everything else breaks it: lib/pq does not know the errors
// of TLS, nor whether anything is left to be read.
func (c *conn) check(err error) error {
	if err == nil || errors.Is(err, driver.ErrBadConn) {
		return err
	}
	var e *pq.Error
	if errors.As(err, &e) && !e.Fatal() {
		c.retired = c.retired || e.Code == "25006" // read_only_sql_transaction
		return err
	}
	c.link.broken.Store(true)
	return &noConnection{err}
}

// once is for the error of what may have changed something. Lib/pq answers
// driver.ErrBadConn for it too, and package sql then runs it again on another
// connection, though the first run may have had its effect.
func once(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return &noConnection{errAnswerLost}
	}
	return err
}

var errAnswerLost = errors.New("the connection broke before the answer came")

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepare(ctx, query)
	if s != nil {
		var result driver.Result
		stop := c.cancelAfter(ctx)
		result, err = s.ExecContext(context.Background(), args)
		stop()
		if !c.forgotten(err) {
			return result, once(c.check(err))
		}
	} else if err != nil {
		return nil, once(c.check(err))
	}
	result, err := c.pqConn.ExecContext(ctx, query, args)
	return result, once(c.check(err))
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	look, _ := ctx.(*lookup)
	ctx = callers(ctx)
	s, err := c.prepare(ctx, query)
	if s != nil {
		var rows driver.Rows
		stop := c.cancelAfter(ctx)
		rows, err = s.QueryContext(context.Background(), args)
		if err == nil {
			if look != nil {
				look.watched = true
			}
			return &watchedRows{rows, stop}, nil
		}
		stop()
		if !c.forgotten(err) {
			return nil, c.check(err)
		}
	} else if err != nil {
		return nil, c.check(err)
	}
	rows, err := c.pqConn.QueryContext(ctx, query, args)
	return rows, c.check(err)
}

// prepare returns the prepared statement of a text that is run often, or nil for one that
// is sent as it is, in one message with its arguments. So are those of a transaction, which
// would fail with a statement that the server has forgotten.
func (c *conn) prepare(ctx context.Context, query string) (pqStmt, error) {
	if c.prepared == nil || c.inTransaction() {
		return nil, nil
	}
	if s := c.prepared[query]; s != nil {
		return s, nil
	}
	if _, ok := c.shared.texts.Load(query); !ok {
		return nil, nil
	}
	inner, err := c.pqConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.prepared[query] = inner.(pqStmt)
	return c.prepared[query], nil
}

// forgotten reports whether a prepared statement did nothing because the server does not
// know its name, as behind a pooler in transaction mode, where each call may come to
// another connection of the server; or because its result would be of another type now.
// The connection then prepares no more.
func (c *conn) forgotten(err error) bool {
	if err == nil {
		return false
	}
	var e *pq.Error
	if !errors.As(err, &e) || e.Code != "26000" && e.Code != "0A000" { // invalid_sql_statement_name, feature_not_supported
		return false
	}
	c.prepared = nil
	return true
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	// Lib/pq watches the context from then on.
	stop := context.AfterFunc(ctx, func() { c.link.bound(past) })
	tx, err := c.pqConn.BeginTx(ctx, opts)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	return tx, c.check(err)
}

// ResetSession implements [driver.SessionResetter]: it tries a connection that was
// idle for a while, or since another one broke.
func (c *conn) ResetSession(ctx context.Context) error {
	if err := c.pqConn.ResetSession(ctx); err != nil {
		return err
	}
	if time.Since(c.used) < idleCheck && c.seen == c.shared.breaks.Load() {
		return nil
	}
	c.link.bound(time.Now().Add(tryTimeout))
	defer c.link.bound(time.Time{})
	err := c.pqConn.Ping(context.WithoutCancel(ctx)) // with ctx lib/pq would dial another connection to cancel this
	if err != nil {
		c.link.broken.Store(true)
	}
	return err
}

// IsValid implements [driver.Validator]. It is asked when a connection comes back. One
// that comes back in a transaction, begun by a statement on the pool, is closed: what
// the next caller writes in it would be lost.
func (c *conn) IsValid() bool {
	c.link.bound(time.Time{}) // that of a cancellation, which the server confirmed
	c.used, c.seen = time.Now(), c.shared.breaks.Load()
	return !c.retired && !c.link.broken.Load() && c.pqConn.IsValid() && !c.inTransaction()
}

func (c *conn) inTransaction() bool { return *c.status != 'I' }

// Close implements [driver.Conn]. After one that broke the others are tried.
func (c *conn) Close() error {
	if c.link.broken.Load() {
		c.shared.breaks.Add(1)
	}
	c.link.bound(time.Now().Add(tryTimeout)) // lib/pq says goodbye
	_ = c.watch.rows.Close()
	return c.pqConn.Close()
}
