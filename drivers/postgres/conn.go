package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
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
	net  net.Conn
	used time.Time   // when it came back to the pool
	bad  atomic.Bool // not to be used again
}

// watch bounds what is done on the connection until stop is called, which is once.
func (c *conn) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	bounded := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		// Where it fails, the connection has ended.
		_ = c.net.SetDeadline(time.Now().Add(cancelGrace))
		close(bounded)
	})
	return func() {
		if unwatch() {
			return
		}
		// A server that confirmed in time leaves a connection as good as before;
		// lib/pq knows whether it did.
		<-bounded
		_ = c.net.SetDeadline(time.Time{})
	}
}

// judge looks at an error that the server gave.
func (c *conn) judge(err error) error {
	var e *pq.Error
	if errors.As(err, &e) && e.Code == "25006" { // read_only_sql_transaction
		c.bad.Store(true)
	}
	return err
}

// PrepareContext implements [driver.ConnPrepareContext].
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	defer c.watch(ctx)()
	inner, err := c.pqConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.judge(err)
	}
	full, ok := inner.(pqStmt)
	if !ok {
		return inner, nil
	}
	return &stmt{full, c}, nil
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	defer c.watch(ctx)()
	result, err := c.pqConn.ExecContext(ctx, query, args)
	return result, c.judge(err)
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	stop := c.watch(ctx)
	inner, err := c.pqConn.QueryContext(ctx, query, args)
	return c.rows(inner, err, stop)
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	defer c.watch(ctx)()
	tx, err := c.pqConn.BeginTx(ctx, opts)
	return tx, c.judge(err)
}

// Ping implements [driver.Pinger].
func (c *conn) Ping(ctx context.Context) error {
	defer c.watch(ctx)()
	return c.pqConn.Ping(ctx)
}

// ResetSession implements [driver.SessionResetter]: it tries a connection that was
// idle for a while.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.bad.Load() {
		return driver.ErrBadConn
	}
	if err := c.pqConn.ResetSession(ctx); err != nil {
		return err
	}
	if time.Since(c.used) < idleCheck {
		return nil
	}
	return c.Ping(ctx)
}

// IsValid implements [driver.Validator]. It is asked when a connection comes back.
func (c *conn) IsValid() bool {
	c.used = time.Now()
	return !c.bad.Load() && c.pqConn.IsValid()
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
	return &rows{full, stop}, nil
}

type stmt struct {
	pqStmt
	conn *conn
}

// ExecContext implements [driver.StmtExecContext].
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	defer s.conn.watch(ctx)()
	result, err := s.pqStmt.ExecContext(ctx, args)
	return result, s.conn.judge(err)
}

// QueryContext implements [driver.StmtQueryContext].
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	stop := s.conn.watch(ctx)
	inner, err := s.pqStmt.QueryContext(ctx, args)
	return s.conn.rows(inner, err, stop)
}

type rows struct {
	pqRows
	stop func()
}

// Close implements [driver.Rows].
func (r *rows) Close() error {
	defer r.stop()
	return r.pqRows.Close()
}
