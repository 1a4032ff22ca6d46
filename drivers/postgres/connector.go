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

// DialFunc connects to a server: see [Options].
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

const (
	// connectTimeout is that of the whole handshake with one host, where the URL has
	// none.
	connectTimeout = 5 * time.Second
	// cancelGrace is how long the server has to confirm that it canceled a
	// statement, before its connection is given up. With it a write that hangs and
	// kit's look at what became of it take the five seconds that an answer may.
	cancelGrace = 500 * time.Millisecond
	// idleCheck is the age from which an idle connection is tried before use: the
	// server, or something on the way, may have ended it.
	idleCheck = time.Second
	// tryTimeout is how long a connection has to answer when it is tried, and to be
	// closed.
	tryTimeout = 500 * time.Millisecond
)

// NewConnector returns what [database/sql.OpenDB] makes a pool of, for [New]. It is
// lib/pq with a few things added, which [Open] has as well: a call ends with its
// context also while the network hangs; a connection that was idle is tried before
// it is used again, and so is each one after another broke; of several hosts the one
// that was reached last is tried first, and none takes more than its share of the
// call's time, so that one that swallows everything hides no other; one whose server has
// become read-only, as in a failover, goes out of the pool; a commit that the
// server stopped replicating is an error; and to close a statement or the pool takes
// no answer of the server.
//
// The data source is a URL, postgres://user:password@host:port/database, or a
// key=value string. What it leaves out comes from the environment variables of libpq:
// PGHOST, PGPASSWORD and so on. Without an sslmode there and here it is verify-full:
// TLS, and the server's certificate and name are checked; a server on this machine, by
// a socket or a loopback address, may do without TLS (prefer). No error shows the data
// source. Parameters of other clients that mean something here are refused by name.
// Dial may be nil.
//
// Arguments of type []byte are sent in PostgreSQL's binary format, as with
// binary_parameters=yes: give a jsonb column a string.
//
// The connections are of a type of this package, which functions of lib/pq that take
// a [driver.Conn], such as [pq.SetNoticeHandler], do not know: they panic.
func NewConnector(dataSource string, dial DialFunc) (driver.Connector, error) {
	cfg, err := parse(dataSource)
	if err != nil {
		return nil, err
	}
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &connector{config: cfg.Clone, dial: dial}, nil
}

type connector struct {
	config func() pq.Config // a function, so that no verb of package fmt shows the password
	dial   DialFunc
	breaks atomic.Int64 // how many connections broke
	first  atomic.Int64 // which of several hosts was reached last
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return ours{} }

// ours is how New knows a pool of a connector.
type ours struct{ pq.Driver }

// Connect implements [driver.Connector].
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	config := c.config()
	hosts, first := 1+len(config.Multi), int(c.first.Load())
	if config.LoadBalanceHosts != pq.LoadBalanceHostsRandom {
		startWith(&config, first)
	}
	inner, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, err
	}
	d := &dialer{ctx: ctx, dial: c.dial, hosts: hosts}
	inner.Dialer(d)
	opened, err := inner.Connect(ctx)
	if d.stop != nil && !d.stop() && err == nil {
		err = errors.Join(ctx.Err(), opened.Close())
	}
	if err == nil {
		c.first.Store(int64((first + d.dialed - 1) % hosts))
	}
	link := d.link
	// lib/pq keeps the dialer for as long as it keeps the connection.
	d.ctx, d.link, d.stop = nil, nil, nil
	if err != nil {
		return nil, &noConnection{err}
	}
	full, ok := opened.(pqConn)
	if !ok {
		return nil, errors.Join(errors.New("this version of lib/pq is not the one that the module requires"), opened.Close())
	}
	link.bound(time.Time{})
	return newConn(full, link, &c.breaks), nil
}

// startWith turns the list of hosts, so that it begins with another one.
func startWith(config *pq.Config, first int) {
	hosts := append([]pq.ConfigMultihost{{Host: config.Host, Hostaddr: config.Hostaddr, Port: config.Port}}, config.Multi...)
	hosts = append(hosts[first:], hosts[:first]...)
	config.Host, config.Hostaddr, config.Port, config.Multi = hosts[0].Host, hosts[0].Hostaddr, hosts[0].Port, hosts[1:]
}

// noConnection is any error of connecting, or of a connection that broke: the data
// cannot be reached, whatever it is, be it that the only server there takes no
// writes, a certificate that has expired, or an error that only the author of a
// [DialFunc] knows.
type noConnection struct{ err error }

func (e *noConnection) Error() string { return e.err.Error() }
func (e *noConnection) Unwrap() error { return e.err }

// dialer opens the links of one conn: those that the handshake tries, with a context
// that ends it, and later those by which lib/pq cancels a statement.
type dialer struct {
	ctx  context.Context // nil after the handshake
	dial DialFunc
	link *link
	stop func() bool

	hosts, dialed int    // how many there are, and how often one of them was tried
	address       string // of the last one
}

// share returns the time until which the next host may take: its part of what is left
// until the call ends.
func (d *dialer) share() (until time.Time, ok bool) {
	left := d.hosts - (d.dialed-1)%d.hosts
	until, ok = d.ctx.Deadline()
	if ok && left > 1 {
		until = time.Now().Add(time.Until(until) / time.Duration(left))
	}
	return until, ok
}

// DialContext implements [pq.DialerContext]. Ctx ends with the timeout of connecting,
// which is of the handshake too.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.ctx == nil {
		// The call whose statement is canceled waits for this.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cancelGrace)
		defer cancel()
	}
	if d.ctx != nil {
		// Under sslmode=prefer and allow lib/pq dials a host twice.
		if address != d.address {
			d.address = address
			d.dialed++
		}
		if until, ok := d.share(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, until)
			defer cancel()
		}
	}
	nc, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &link{Conn: nc}
	if deadline, ok := ctx.Deadline(); ok {
		l.bound(deadline)
	}
	if d.ctx == nil {
		return l, nil
	}
	if d.stop != nil {
		d.stop() // that was for a server which did not suit
	}
	d.link = l
	d.stop = context.AfterFunc(d.ctx, func() { l.bound(past) })
	return l, nil
}

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
