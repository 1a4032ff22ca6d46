package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/lib/pq"
)

// DialFunc connects to a server: see [Options].
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

const (
	// connectTimeout is that of the whole handshake, where the URL has none.
	connectTimeout = 5 * time.Second
	// cancelGrace is how long the server has to confirm that it canceled a
	// statement, before its connection is given up.
	cancelGrace = time.Second
	// idleCheck is the age from which an idle connection is tried before use: the
	// server, or something on the way, may have ended it.
	idleCheck = time.Second
)

// NewConnector returns what [database/sql.OpenDB] makes a pool of, for [New]. It is
// lib/pq with three things added, which [Open] has as well: a call ends with its
// context also while the network hangs, a connection that was idle is tried before
// it is used again, and one whose server has become read-only, as in a failover,
// goes out of the pool.
//
// The URL is of the form that lib/pq takes, a key=value string too. What it leaves
// out comes from the environment variables of libpq: PGHOST, PGPASSWORD and so on.
// Dial may be nil.
func NewConnector(dataSource string, dial DialFunc) (driver.Connector, error) {
	cfg, err := pq.NewConfig(dataSource)
	if err != nil {
		return nil, cleanError(dataSource, err)
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &connector{cfg: cfg, dial: dial}, nil
}

// cleanError returns what is wrong with a data source, without quoting it: it may
// hold a password.
func cleanError(dataSource string, err error) error {
	var parse *url.Error
	switch {
	case errors.As(err, &parse):
		return errors.New("postgres: this is not a URL of the form postgres://user:password@host:port/database: percent-encode the special characters of the password")
	case strings.Contains(dataSource, "password") || strings.Contains(dataSource, "@"):
		return errors.New("postgres: a setting of the connection is unknown or has a wrong value: see the documentation of lib/pq")
	}
	return err
}

type connector struct {
	cfg  pq.Config
	dial DialFunc
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return &pq.Driver{} }

// Connect implements [driver.Connector].
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := pq.NewConnectorConfig(c.cfg.Clone())
	if err != nil {
		return nil, err
	}
	d := &dialer{ctx: ctx, dial: c.dial, first: true}
	inner.Dialer(d)
	opened, err := inner.Connect(ctx)
	d.first = false
	if d.stop != nil && !d.stop() && err == nil {
		err = errors.Join(ctx.Err(), opened.Close())
	}
	// lib/pq keeps the dialer for as long as it keeps the connection.
	d.ctx, d.stop = nil, nil
	if err != nil {
		return nil, &noConnection{err}
	}
	full, ok := opened.(pqConn)
	if !ok {
		return nil, errors.Join(errors.New("this version of lib/pq is not the one that the module requires"), opened.Close())
	}
	return &conn{pqConn: full, net: d.conn, used: time.Now()}, nil
}

// noConnection is any error of connecting: the data cannot be reached, whatever it
// is, be it that the only server there takes no writes, or a certificate that has
// expired.
type noConnection struct{ err error }

func (e *noConnection) Error() string { return e.err.Error() }
func (e *noConnection) Unwrap() error { return e.err }

// dialer opens the connections of one conn: the first, with a context that ends
// the handshake too, and later those by which lib/pq cancels a statement.
type dialer struct {
	ctx   context.Context
	dial  DialFunc
	first bool
	conn  net.Conn
	stop  func() bool
}

// DialContext implements [pq.DialerContext].
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !d.first {
		// lib/pq lets the call wait for this connection too.
		ctx, cancel := context.WithTimeout(ctx, cancelGrace)
		defer cancel()
		nc, err := d.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return brief{nc}, nc.SetDeadline(time.Now().Add(cancelGrace))
	}
	nc, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if d.stop != nil {
		d.stop() // that was for a server which did not suit
	}
	d.conn = nc
	d.stop = context.AfterFunc(d.ctx, func() { _ = nc.SetDeadline(past) })
	return nc, nil
}

// brief is a connection that keeps its deadline: lib/pq waits on it until the
// server has taken note that a statement is canceled.
type brief struct{ net.Conn }

// SetDeadline implements [net.Conn].
func (brief) SetDeadline(time.Time) error { return nil }

// past is a deadline that ends what is under way.
var past = time.Unix(1, 0)

// Dial implements [pq.Dialer], which lib/pq prefers DialContext to.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout implements [pq.Dialer].
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}
