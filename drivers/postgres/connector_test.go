package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

func TestNoPasswordIsShown(t *testing.T) {
	for _, dataSource := range []string{
		"postgres://app:hunter2@localhost/app",
		"postgres://app:hunter2%zz@localhost/app",
		"postgres://app:hunter2@localhost/app?sslmode=hunter2",
		"postgres://app:pass/hunter2@localhost/app", // which ends the host
		"host=h port=hunter2",
		"host=h password=hunter2",
		"host=h pass word=hunter2",
		"host=h user=u pw=hunter2 sslmode=disable",
		"host=h password=two hunter2",
		"hunter2",
	} {
		connector, err := postgres.NewConnector(dataSource, nil)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, connector) + fmt.Sprintf(verb, err); strings.Contains(text, "hunter2") {
				t.Errorf("%s of what NewConnector(%q) returns: %s", verb, dataSource, text)
			}
		}
	}
}

// What is wrong with the environment is said, since it is not in the data source.
func TestTheEnvironmentIsWrong(t *testing.T) {
	t.Setenv("PGSSLMODE", "sometimes")
	_, err := postgres.NewConnector("postgres://app:hunter2@localhost/app", nil)
	if err == nil || !strings.Contains(err.Error(), "environment") || !strings.Contains(err.Error(), "PGSSLMODE") {
		t.Errorf("got %v, want the name of the variable", err)
	}
}

// deadlines is a connection that notes what deadlines it is given.
type deadlines struct {
	net.Conn
	mu  sync.Mutex
	set []time.Time
}

func (c *deadlines) SetDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = append(c.set, at)
	return c.Conn.SetDeadline(at)
}

func (c *deadlines) first() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.set) == 0 {
		return time.Time{}
	}
	return c.set[0]
}

// To connect takes five seconds at most, and to cancel a statement half a second, the
// handshake or the cancellation included.
func TestBoundsOfConnecting(t *testing.T) {
	type attempt struct {
		began, until time.Time
		conn         *deadlines
	}
	attempts := make(chan attempt, 10)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		a := attempt{began: time.Now()}
		a.until, _ = ctx.Deadline()
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		a.conn = &deadlines{Conn: nc}
		attempts <- a
		return a.conn, err
	}
	check := func(a attempt, limit time.Duration) {
		t.Helper()
		if took := a.until.Sub(a.began); took > limit || took < limit/2 {
			t.Errorf("an attempt to connect ends after %v, want %v", took, limit)
		}
		if first := a.conn.first(); !first.Equal(a.until) {
			t.Errorf("the deadline after it is %v, want %v, when the attempt would have ended", first, a.until)
		}
	}
	dataSource := schema(t)
	db := pool(t, dataSource, dial, 1)
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(<-attempts, 5*time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // or the statement would not be there to be canceled
		defer cancel()
		until(t, admin(t, dataSource), "SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(59.75)%' AND pid <> pg_backend_pid()")
	}()
	if _, err := db.ExecContext(ctx, "SELECT pg_sleep(59.75)"); err == nil {
		t.Error("the context did not end")
	}
	check(<-attempts, postgres.CancelGrace)

	db = pool(t, with(t, dataSource, "connect_timeout", "20"), dial, 1)
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(<-attempts, 20*time.Second)
}

// mute returns the URL of a server that accepts and says nothing.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				_, _ = io.Copy(io.Discard, nc) // until the client goes
				_ = nc.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Wait()
	})
	return "postgres://app@" + l.Addr().String() + "/app?sslmode=disable&connect_timeout=60"
}

// overtaking is a connection on which a deadline that is to come takes effect after
// the context has ended, and after what its end set.
type overtaking struct {
	net.Conn
	cancel context.CancelFunc
	past   chan struct{}
	once   sync.Once
}

func (c *overtaking) SetDeadline(at time.Time) error {
	if at.IsZero() {
		return c.Conn.SetDeadline(at)
	}
	if at.Before(time.Now()) {
		err := c.Conn.SetDeadline(at)
		c.once.Do(func() { close(c.past) })
		return err
	}
	c.cancel()
	a := time.NewTimer(100 * time.Millisecond)
	defer a.Stop()
	select {
	case <-c.past:
	case <-a.C:
	}
	return c.Conn.SetDeadline(at)
}

func TestAHandshakeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	connector, err := postgres.NewConnector(mute(t), &postgres.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		return &overtaking{Conn: nc, cancel: cancel, past: make(chan struct{})}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the handshake", func() {
		if _, err := connector.Connect(ctx); err == nil {
			t.Error("the server says nothing, and Connect has a connection")
		}
	})
}

// late is a connection whose context ends while the server says that it is ready, for the first
// time or a later one.
type late struct {
	net.Conn
	cancel context.CancelFunc
	ready  int
	past   chan struct{}
	closed atomic.Bool
}

func (c *late) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n >= 6 && string(b[n-6:n]) == "Z\x00\x00\x00\x05I" { // ReadyForQuery: idle
		if c.ready--; c.ready == 0 {
			c.cancel()
			<-c.past
		}
	}
	return n, err
}

func (c *late) SetDeadline(at time.Time) error {
	if !at.IsZero() && at.Before(time.Now()) {
		close(c.past)
	}
	return c.Conn.SetDeadline(at)
}

func (c *late) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// A connection whose deadline the end of a context has set does not get into the
// pool.
func TestAHandshakeThatIsDoneTooLate(t *testing.T) {
	for ready := range 2 { // after the login, and after the query whose rows are kept open
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var made *late
		connector, err := postgres.NewConnector(schema(t), &postgres.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, address)
			made = &late{Conn: nc, cancel: cancel, ready: ready + 1, past: make(chan struct{})}
			return made, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := connector.Connect(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the end of the context", err)
		}
		if !made.closed.Load() {
			t.Error("the connection is open")
		}
		nobodyWatches(t)
	}
}

// counted is a context that counts who waits for its end.
type counted struct {
	context.Context
	waiting *atomic.Int64
}

// AfterFunc is what package context asks of contexts that it did not make.
func (c counted) AfterFunc(f func()) func() bool {
	c.waiting.Add(1)
	stop := context.AfterFunc(c.Context, f)
	return func() bool {
		stopped := stop()
		if stopped {
			c.waiting.Add(-1)
		}
		return stopped
	}
}

// Value hides that the context was made by package context all the same.
func (counted) Value(any) any { return nil }

// A pool connects under one context for as long as it lives, so nothing may wait for
// its end: neither for the server that suited nor for one that did not.
func TestConnectingLeavesNothingBehind(t *testing.T) {
	dataSource := schema(t)
	u, err := url.Parse(dataSource)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // a server that ends every connection
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			_ = nc.Close()
		}
	}()
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	both := with(t, with(t, dataSource, "host", host+","+u.Hostname()), "port", port+","+u.Port())
	connector, err := postgres.NewConnector(both, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := counted{t.Context(), new(atomic.Int64)}
	conn, err := connector.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := ctx.waiting.Load(); n != 0 {
		t.Errorf("%d functions still wait for the end of the context", n)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// timeless is a connection through a tunnel that knows no deadlines, as those of SSH.
type timeless struct{ net.Conn }

var errTimeless = errors.New("tunnel: deadlines are not supported")

func (timeless) SetDeadline(time.Time) error      { return errTimeless }
func (timeless) SetReadDeadline(time.Time) error  { return errTimeless }
func (timeless) SetWriteDeadline(time.Time) error { return errTimeless }

func TestATunnelWithoutDeadlines(t *testing.T) {
	n := conformance.NewNetwork(t)
	dataSource := with(t, schema(t), "connect_timeout", "1")
	store := open(t, dataSource, &postgres.Options{MaxConns: 1, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := n.DialContext(ctx, network, address)
		return timeless{nc}, err
	}})
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Fatal(err)
	}
	release := n.Hang()
	within(t, "a call while the network hangs", func() {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := store.Users().ByID(ctx, "u"); !errors.Is(err, kit.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	release()
	if _, err := store.Users().ByID(t.Context(), "u"); err != nil {
		t.Errorf("the call after it: %v", err)
	}
	// The bound of a cancellation that the server confirmed is taken back. A connection stays in the
	// pool after that of a statement that the application prepared.
	sleep, err := postgres.Pool(store).PrepareContext(t.Context(), "SELECT pg_sleep(60)")
	if err != nil {
		t.Fatal(err)
	}
	defer sleep.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := sleep.ExecContext(ctx); err == nil || ctx.Err() == nil {
		t.Errorf("a minute's sleep: %v", err)
	}
	grace := time.NewTimer(postgres.CancelGrace + 100*time.Millisecond)
	<-grace.C
	if err := store.Users().Create(t.Context(), newUser("w")); err != nil {
		t.Errorf("a write after a statement was canceled: %v", err)
	}
	// So is the bound of connecting.
	before := backend(t, store)
	bound := time.NewTimer(1100 * time.Millisecond)
	<-bound.C
	if backend(t, store) != before {
		t.Error("a connection that is well was closed")
	}
}
