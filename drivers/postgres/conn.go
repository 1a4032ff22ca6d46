package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// What lib/pq's types implement, as the wrappers around them must too.
type (
	pqConn interface {
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
	pqStmt interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
	pqRows interface {
		driver.Rows
		driver.RowsNextResultSet
		driver.RowsColumnTypeScanType
		driver.RowsColumnTypeDatabaseTypeName
		driver.RowsColumnTypeLength
		driver.RowsColumnTypePrecisionScale
	}
)

// conn is one connection. Lib/pq asks the server to cancel a statement when the
// context ends, and then waits for it; conn bounds that wait.
type conn struct {
	pqConn
	link     *link
	breaks   *atomic.Int64 // how many connections of the pool broke
	bad      atomic.Bool   // not to be used again
	nameless bool          // statements are sent as text: see stmt
	inTx     bool          // a transaction of BeginTx is under way

	used   time.Time // when it came back to the pool,
	seen   int64     // and breaks then
	unused []pqStmt  // closed, but not on the server

	unreplicated bool // the server said so of the commit under way
}

func newConn(inner pqConn, l *link, breaks *atomic.Int64) *conn {
	c := &conn{pqConn: inner, link: l, breaks: breaks, nameless: !unique(inner), used: time.Now(), seen: breaks.Load()}
	pq.SetNoticeHandler(inner, c.notice)
	return c
}

// notice is told what the server has to say beside its answers. When it no longer
// waits for a synchronous standby, because the statement was canceled, that is a
// warning only.
func (c *conn) notice(n *pq.Error) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.unreplicated = true
	}
}

var errUnreplicated = errors.New("committed, but the server stopped waiting for the synchronous standby, which may not have it")

// watch bounds what is done on the connection until stop is called, which is once.
func (c *conn) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	bounded := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		c.link.bound(time.Now().Add(cancelGrace))
		close(bounded)
	})
	return func() {
		if unwatch() {
			return
		}
		// A server that confirmed in time leaves a connection as good as before.
		<-bounded
		c.link.bound(time.Time{})
	}
}

// judge looks at how something ended. What the server answered leaves the connection
// as good as before, and everything else breaks it: lib/pq does not know the errors
// of TLS or of a tunnel, nor whether anything is left to be read.
func (c *conn) judge(err error) error {
	unreplicated := c.unreplicated
	c.unreplicated = false
	var e *pq.Error
	switch {
	case errors.As(err, &e):
		if e.Code == "25006" { // read_only_sql_transaction
			c.bad.Store(true)
		}
		if e.Fatal() { // the server has ended the connection
			c.lost()
			return &noConnection{err}
		}
		return err
	case err != nil:
		c.lost()
		if errors.Is(err, driver.ErrBadConn) {
			return err
		}
		return &noConnection{err}
	case unreplicated:
		return &noConnection{errUnreplicated}
	}
	return err
}

// lost takes the connection out of the pool, and lets the others be tried.
func (c *conn) lost() {
	if !c.bad.Swap(true) {
		c.breaks.Add(1)
	}
}

// try does what a connection that works takes little time for.
func (c *conn) try(f func() error) error {
	c.link.bound(time.Now().Add(tryTimeout))
	defer c.link.bound(time.Time{})
	if err := f(); err != nil {
		c.lost()
		return driver.ErrBadConn
	}
	return nil
}

// tidy closes on the server the statements that were closed here.
func (c *conn) tidy() error {
	for ; len(c.unused) > 0; c.unused = c.unused[1:] {
		if err := c.try(c.unused[0].Close); err != nil {
			return err
		}
	}
	return nil
}

// PrepareContext implements [driver.ConnPrepareContext].
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.nameless && !isCopy(query) {
		return &stmt{conn: c, query: query}, nil
	}
	if err := c.tidy(); err != nil {
		return nil, err
	}
	defer c.watch(ctx)()
	inner, err := c.pqConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.judge(err)
	}
	full, ok := inner.(pqStmt)
	if !ok {
		return inner, nil // COPY
	}
	return &stmt{c, query, full}, nil
}

// isCopy reports whether a statement is one of those that lib/pq makes something else
// of than a prepared statement.
func isCopy(query string) bool {
	query = strings.TrimSpace(query)
	return len(query) >= 4 && strings.EqualFold(query[:4], "COPY")
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	defer c.watch(ctx)()
	result, err := c.pqConn.ExecContext(ctx, query, args)
	return result, once(c.judge(err))
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

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	stop := c.watch(ctx)
	inner, err := c.pqConn.QueryContext(ctx, query, args)
	return c.rows(inner, err, stop)
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	defer c.watch(ctx)()
	inner, err := c.pqConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, c.judge(err)
	}
	c.inTx = true
	return &tx{inner, ctx, c}, nil
}

// Ping implements [driver.Pinger].
func (c *conn) Ping(ctx context.Context) error {
	defer c.watch(ctx)()
	return c.judge(c.pqConn.Ping(ctx))
}

// ResetSession implements [driver.SessionResetter]: it tries a connection that was
// idle for a while, or since another one broke.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.bad.Load() {
		return driver.ErrBadConn
	}
	if err := c.pqConn.ResetSession(ctx); err != nil {
		return err
	}
	if err := c.tidy(); err != nil {
		return err
	}
	if time.Since(c.used) < idleCheck && c.seen == c.breaks.Load() {
		return nil
	}
	// With ctx lib/pq would dial another connection to cancel this.
	return c.try(func() error { return c.pqConn.Ping(context.WithoutCancel(ctx)) })
}

// IsValid implements [driver.Validator]. It is asked when a connection comes back.
func (c *conn) IsValid() bool {
	c.used, c.seen = time.Now(), c.breaks.Load()
	return !c.bad.Load() && c.pqConn.IsValid()
}

// Close implements [driver.Conn].
func (c *conn) Close() error {
	c.link.bound(time.Now().Add(tryTimeout)) // lib/pq says goodbye
	return c.pqConn.Close()
}

// rows lets the watch last until the rows are closed.
func (c *conn) rows(inner driver.Rows, err error, stop func()) (driver.Rows, error) {
	if err != nil {
		stop()
		return nil, c.judge(err)
	}
	full, ok := inner.(pqRows)
	if !ok {
		stop()
		return inner, nil
	}
	return &rows{full, c, stop}, nil
}

// stmt is a prepared statement, or one whose text is sent with each call: in one
// message with its arguments, so in one round trip, and without a name. That one
// suits a pooler in transaction mode, where each call may come to another connection
// of the server and the name is known on one of them: the server then answers that it
// does not know it, has done nothing, and conn prepares no more.
type stmt struct {
	conn  *conn
	query string
	named pqStmt // nil: there is only the text
}

// NumInput implements [driver.Stmt].
func (s *stmt) NumInput() int {
	if s.named == nil {
		return -1
	}
	return s.named.NumInput()
}

// forgotten reports whether the statement is to be sent as text because the server no
// longer knows its name, or its result would be of another type now. It has done nothing
// then, but in a transaction, which has failed, it would do nothing again.
func (s *stmt) forgotten(err error) bool {
	var e *pq.Error
	if errors.As(err, &e) && (e.Code == "26000" || e.Code == "0A000") { // invalid_sql_statement_name, feature_not_supported
		s.conn.nameless = true
	}
	return s.conn.nameless && !s.conn.inTx
}

// ExecContext implements [driver.StmtExecContext].
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if s.named == nil || s.conn.nameless {
		return s.conn.ExecContext(ctx, s.query, args)
	}
	stop := s.conn.watch(ctx)
	result, err := s.named.ExecContext(ctx, args)
	stop()
	if err != nil && s.forgotten(err) {
		return s.conn.ExecContext(ctx, s.query, args)
	}
	return result, once(s.conn.judge(err))
}

// QueryContext implements [driver.StmtQueryContext].
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if s.named == nil || s.conn.nameless {
		return s.conn.QueryContext(ctx, s.query, args)
	}
	stop := s.conn.watch(ctx)
	inner, err := s.named.QueryContext(ctx, args)
	if err != nil && s.forgotten(err) {
		stop()
		return s.conn.QueryContext(ctx, s.query, args)
	}
	return s.conn.rows(inner, err, stop)
}

var errNoContext = errors.New("postgres: package sql calls ExecContext and QueryContext")

// Exec implements [driver.Stmt].
func (*stmt) Exec([]driver.Value) (driver.Result, error) { return nil, errNoContext }

// Query implements [driver.Stmt].
func (*stmt) Query([]driver.Value) (driver.Rows, error) { return nil, errNoContext }

// Close implements [driver.Stmt]. Package sql calls it while the whole pool waits, and
// without a context, so the server is told when the connection is next used.
func (s *stmt) Close() error {
	if s.named != nil && !s.conn.nameless {
		s.conn.unused = append(s.conn.unused, s.named)
	}
	return nil
}

type tx struct {
	driver.Tx
	ctx  context.Context // that of BeginTx: package sql has no other for the end
	conn *conn
}

// Commit implements [driver.Tx].
func (t *tx) Commit() error {
	defer t.conn.watch(t.ctx)()
	t.conn.inTx = false
	err := t.Tx.Commit()
	if errors.Is(err, pq.ErrInFailedTransaction) {
		return err // which was rolled back
	}
	return t.conn.judge(err)
}

// Rollback implements [driver.Tx].
func (t *tx) Rollback() error {
	defer t.conn.watch(t.ctx)()
	t.conn.inTx = false
	return t.conn.judge(t.Tx.Rollback())
}

type rows struct {
	pqRows
	conn *conn
	stop func()
}

// Next implements [driver.Rows]. Package sql calls Close after the last row, and
// takes its error for that of the rows.
func (r *rows) Next(dest []driver.Value) error {
	err := r.pqRows.Next(dest)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return r.conn.judge(err)
}

// Close implements [driver.Rows].
func (r *rows) Close() error {
	defer r.stop()
	return r.conn.judge(r.pqRows.Close())
}
