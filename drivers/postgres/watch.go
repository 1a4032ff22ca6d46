package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"
)

// watch cancels what runs on a connection. Lib/pq starts a goroutine for each statement, which
// waits for the end of its context, and package sql another one for each look-up: together a third
// of the processor time of a look-up. So the prepared statements of a connection share one, which
// lib/pq started for a query that had no result and whose rows are kept open.
type watch struct {
	cancel context.CancelFunc
	rows   driver.Rows
}

func newWatch(inner pqConn) (*watch, error) {
	ctx, cancel := context.WithCancel(context.Background()) // of no call: it lives as long as the connection
	rows, err := inner.QueryContext(ctx, ";", nil)
	if err != nil {
		cancel()
		return nil, err
	}
	return &watch{cancel, rows}, nil
}

// cancelAfter interrupts what runs on the connection when ctx ends, until stop is called. A
// connection that was interrupted is then of no more use: the request to cancel may come late.
func (c *conn) cancelAfter(ctx context.Context) (stop func()) {
	inTime := context.AfterFunc(ctx, c.interrupt)
	return func() {
		if !inTime() {
			c.retired = true
		}
	}
}

// interrupt lets lib/pq ask the server to cancel what runs on the connection. The server has
// cancelGrace to confirm that, also where another version of lib/pq does not ask.
func (c *conn) interrupt() {
	c.link.bound(time.Now().Add(cancelGrace))
	c.watch.cancel()
}

// watchedRows are rows that end with a context until they are closed.
type watchedRows struct {
	driver.Rows
	stop func()
}

// Close implements [driver.Rows].
func (r *watchedRows) Close() error {
	defer r.stop()
	return r.Rows.Close()
}

// ownPool runs statements on a pool of a connector.
type ownPool struct{ *sql.DB }

// QueryContext implements [sqlstore.Runner].
func (p ownPool) QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	return p.DB.QueryContext(&lookup{Context: ctx}, statement, args...)
}

// lookup is what package sql gets as the context of a look-up. It waits for a connection until that
// is done, and then for the end of the rows, unless the connection watches them itself: from then
// on Done is nil. A context must not change so, and what is derived from one that does may stay in
// its parent for ever. So nothing but package sql, which derives none, uses it: see [callers].
type lookup struct {
	context.Context
	watched bool
}

// Done implements [context.Context].
func (l *lookup) Done() <-chan struct{} {
	if l.watched {
		return nil
	}
	return l.Context.Done()
}

// callers returns the context that the caller gave.
func callers(ctx context.Context) context.Context {
	if l, ok := ctx.(*lookup); ok {
		return l.Context
	}
	return ctx
}
