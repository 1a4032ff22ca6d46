package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// watch cancels what runs on a connection. Lib/pq starts a goroutine for each statement, which
// waits for the end of its context, and package sql another one for each look-up. To start them
// takes a fifth of the time of a look-up, and disturbs the server where that is on the same
// machine. So the prepared statements of a connection share one, which lib/pq started for a
// query that had no result and whose rows are kept open.
type watch struct {
	cancel context.CancelFunc
	rows   driver.Rows
}

func newWatch(ctx context.Context, inner pqConn) (*watch, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	rows, err := inner.QueryContext(ctx, ";", nil)
	return &watch{cancel, rows}, err
}

// cancelAfter lets the server cancel what runs on the connection when ctx ends, until stop is
// called. The connection is then of no more use: the request to cancel may come late.
func (c *conn) cancelAfter(ctx context.Context) (stop func()) {
	inTime := context.AfterFunc(ctx, c.watch.cancel)
	return func() {
		if !inTime() {
			c.retired = true
		}
	}
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

// lookup is the context of a look-up. Package sql waits with it for a connection, but not for the
// end of rows that the connection watches itself.
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
