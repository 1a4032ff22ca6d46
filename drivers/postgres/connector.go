package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

const (
	// connectTimeout is that of the whole handshake with one host, where the URL has
	// none.
	connectTimeout = 5 * time.Second
	// cancelGrace is how long the server has to confirm that it canceled a
	// statement, before its connection is given up. With it a write that hangs and
	// kit's look at what became of it take the five seconds that an answer may.
	cancelGrace = 500 * time.Millisecond
)

// NewConnector returns what [database/sql.OpenDB] makes a pool of, for [New]; of opts it
// takes Dial. It is lib/pq with a few things added, which [Open] has as well:
//
//   - A call ends with its context also while the network hangs, and so do the commit and
//     the rollback of a transaction.
//   - A connection that was idle is tried before it is used again, and so is each one
//     after another broke.
//   - Of several hosts the one that was reached last is tried first, and none takes more
//     than its share of the call's time.
//   - A connection whose server has become read-only, as in a failover, goes out of the
//     pool, and so does one that comes back in a transaction.
//   - To close a statement or the pool takes no answer of the server.
//
// The data source is a URL, postgres://user:password@host:port/database, or a
// key=value string. What it leaves out comes from the environment variables of libpq:
// PGHOST, PGPASSWORD and so on. Without an sslmode there and here it is verify-full:
// TLS, and the server's certificate and name are checked; a server on this machine, by
// a socket or a loopback address, may do without TLS (prefer). No error shows the data
// source. Parameters of other clients that ask for security are refused by name.
//
// Arguments of type []byte are sent in PostgreSQL's binary format, as with
// binary_parameters=yes: give a jsonb column a string.
//
// The connections are of a type of this package. Functions of lib/pq that take a
// [driver.Conn], such as [pq.SetNoticeHandler], do not know it and panic.
func NewConnector(dataSource string, opts *Options) (driver.Connector, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	cfg, err := parse(dataSource)
	if err != nil {
		return nil, err
	}
	c := &connector{config: cfg.Clone, hosts: servers(&cfg), dial: o.Dial}
	if cfg.LoadBalanceHosts == pq.LoadBalanceHostsRandom {
		rand.Shuffle(len(c.hosts), func(i, j int) { c.hosts[i], c.hosts[j] = c.hosts[j], c.hosts[i] })
	}
	return c, nil
}

type connector struct {
	config func() pq.Config // a function, so that no verb of package fmt shows the password
	hosts  []pq.ConfigMultihost
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	first  atomic.Int64 // the host that was reached last
	shared shared
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return ownDriver{shared: &c.shared} }

// ownDriver is how New knows a pool of a connector.
type ownDriver struct {
	pq.Driver
	shared *shared
}

// Connect implements [driver.Connector].
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx = callers(ctx)
	first := int(c.first.Load())
	var errs error
	for i := range c.hosts {
		host := (first + i) % len(c.hosts)
		conn, err := c.connect(ctx, c.hosts[host], len(c.hosts)-i)
		if err == nil {
			c.first.Store(int64(host))
			return conn, nil
		}
		if errs != nil {
			err = fmt.Errorf("%w; %w", errs, err)
		}
		errs = err
	}
	return nil, &noConnection{errs}
}

// connect connects to a host, within its share of the time that the call has left for as
// many hosts.
func (c *connector) connect(ctx context.Context, host pq.ConfigMultihost, hosts int) (driver.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(hosts))
		defer cancel()
	}
	config := c.config()
	config.Host, config.Hostaddr, config.Port, config.Multi = host.Host, host.Hostaddr, host.Port, nil
	inner, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, err
	}
	d := &dialer{ctx: ctx, dial: c.dial}
	inner.Dialer(d)
	opened, err := c.open(ctx, inner, d)
	if d.stop != nil && !d.stop() && err == nil {
		err = errors.Join(ctx.Err(), opened.Close())
	}
	d.ctx, d.stop = nil, nil // lib/pq keeps the dialer for as long as it keeps the connection
	if err != nil {
		return nil, err
	}
	d.link.bound(time.Time{})
	return opened, nil
}

func (c *connector) open(ctx context.Context, inner *pq.Connector, d *dialer) (*conn, error) {
	opened, err := inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := opened.(pqConn)
	if !ok {
		return nil, errors.Join(errors.New("this version of lib/pq is not the one that the module requires"), opened.Close())
	}
	w, err := newWatch(full)
	if err != nil {
		return nil, errors.Join(ctx.Err(), err, full.Close())
	}
	return newConn(full, d.link, &c.shared, w), nil
}

// dialer opens the network connections of one conn: those that the handshake needs, of
// which the last one stays, and later those by which lib/pq cancels a statement.
type dialer struct {
	pq.Dialer // nil: lib/pq calls DialContext
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	ctx       context.Context // ends the handshake; nil after it
	link      *link
	stop      func() bool
}

// DialContext implements [pq.DialerContext]. During the handshake ctx ends with the timeout
// of connecting, which is of the handshake too. Later, when the context of a call has
// ended, the server has cancelGrace to confirm the cancellation.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.ctx == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cancelGrace)
		defer cancel()
		d.link.bound(time.Now().Add(cancelGrace))
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
		d.stop() // under sslmode=prefer there was one with TLS before
	}
	d.link = l
	d.stop = context.AfterFunc(d.ctx, func() { l.bound(past) })
	return l, nil
}

// past is a time that ends what is under way.
var past = time.Unix(1, 0)

// link is a connection to a server. Its deadline only this package sets: what lib/pq
// sets by itself may come late, and would undo the end of a context. And it notes when it
// breaks: lib/pq does not know every error, those of a tunnel for example.
type link struct {
	net.Conn
	mu      sync.Mutex
	bounded bool
	timer   *time.Timer
	broken  atomic.Bool
}

// Read implements [net.Conn].
func (l *link) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	return n, l.note(err)
}

// Write implements [net.Conn].
func (l *link) Write(b []byte) (int, error) {
	n, err := l.Conn.Write(b)
	return n, l.note(err)
}

func (l *link) note(err error) error {
	if err == nil {
		return nil
	}
	l.broken.Store(true)
	if errors.As(err, new(net.Error)) || errors.Is(err, io.EOF) {
		return err
	}
	return &noConnection{err}
}

// SetDeadline implements [net.Conn]: it does nothing.
func (*link) SetDeadline(time.Time) error { return nil }

// bound lets what is done on the connection fail from that time on; the zero time
// takes the bound away. A connection that does not support deadlines, as those through SSH
// do not, is closed at that time.
func (l *link) bound(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.IsZero() && !l.bounded {
		return // as after almost every statement: to set a deadline wakes a thread
	}
	l.bounded = !at.IsZero()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if err := l.Conn.SetDeadline(at); err != nil && !at.IsZero() {
		l.timer = time.AfterFunc(time.Until(at), func() { _ = l.Close() })
	}
}
