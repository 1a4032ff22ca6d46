package conformance

import (
	"context"
	"math"
	"net"
	"sync"
	"testing"
	"time"
)

// Network stands between a store and its server and breaks on demand. It is made
// of real TCP connections over the loopback interface, so what a store and its
// client library see is what a network does to them. Its methods are safe for
// concurrent use.
type Network struct {
	tb   testing.TB
	quit chan struct{}
	done sync.WaitGroup // every goroutine of this network

	mu        sync.Mutex
	listeners map[upstream]*net.TCPListener
	links     map[*link]struct{}
	cut       bool
	gate      *gate // nil when nothing hangs
	loss      *loss // nil when nothing is to be lost
	quota     *quota
}

// gate is what everything waits for during a Hang or a Blackhole.
type gate struct {
	opened chan struct{}
	dials  bool // they wait as well
}

// upstream is the address of a server.
type upstream struct{ network, address string }

// link is one connection of a client and the one to the server behind it.
type link struct {
	client, server net.Conn
	asked          bool // the last bytes went to the server: those that come next begin an answer
}

// loss counts down to the exchange that gets lost.
type loss struct {
	answer bool // of the two halves of an exchange
	left   int
	// reached is closed when it comes to that, and the half is kept until lost is. Nil
	// for one that is lost at once.
	reached, lost chan struct{}
}

// quota is what may still pass of the answers before a connection ends; nil is no
// bound.
type quota struct {
	left    int  // bytes
	orderly bool // it ends as a server does that stops, not by a reset
	spent   bool
}

// NewNetwork returns a network that works. It ends with the test.
func NewNetwork(tb testing.TB) *Network {
	n := &Network{tb: tb, quit: make(chan struct{}), listeners: map[upstream]*net.TCPListener{}, links: map[*link]struct{}{}}
	tb.Cleanup(n.close)
	return n
}

func (n *Network) close() {
	close(n.quit)
	n.mu.Lock()
	for _, l := range n.listeners {
		_ = l.Close() // it is of no use to anybody any more
	}
	n.listeners = nil
	n.resetAll()
	n.mu.Unlock()
	n.done.Wait()
}

// DialContext connects to the server at address through the network. It has the
// form of the dialer that most client libraries take, and suits those that learn
// further addresses from the server, as clients of a cluster do.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if err := n.reachable(ctx); err != nil {
		return nil, err
	}
	l, err := n.listener(upstream{network, address})
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", l.Addr().String())
}

// reachable waits while no connection can be made.
func (n *Network) reachable(ctx context.Context) error {
	for {
		n.mu.Lock()
		g, cut := n.gate, n.cut
		n.mu.Unlock()
		if cut || g == nil || !g.dials {
			return nil
		}
		select {
		case <-g.opened:
		case <-ctx.Done():
			return ctx.Err()
		case <-n.quit:
			return net.ErrClosed
		}
	}
}

// Address returns the host:port of a listener that forwards to the TCP server at
// address, for libraries that take no dialer. Where it cannot listen it ends the
// test, so it is called on the goroutine of the test.
func (n *Network) Address(address string) string {
	n.tb.Helper()
	l, err := n.listener(upstream{"tcp", address})
	if err != nil {
		n.tb.Fatalf("conformance: a listener for %s: %v", address, err)
	}
	return l.Addr().String()
}

// listener returns the one that forwards to that server.
func (n *Network) listener(to upstream) (*net.TCPListener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		return nil, net.ErrClosed
	}
	if l, ok := n.listeners[to]; ok {
		return l, nil
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	n.listeners[to] = l
	n.done.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			n.done.Go(func() { n.serve(client, to) })
		}
	})
	return l, nil
}

// serve connects a client with its server until one of them ends the connection.
func (n *Network) serve(client net.Conn, to upstream) {
	if !n.open() {
		reset(client)
		return
	}
	d := net.Dialer{Timeout: 10 * time.Second}
	server, err := d.Dial(to.network, to.address)
	if err != nil {
		reset(client)
		return
	}
	k := &link{client: client, server: server}
	n.mu.Lock()
	if n.cut || n.listeners == nil {
		n.mu.Unlock()
		k.reset()
		return
	}
	n.links[k] = struct{}{}
	n.mu.Unlock()
	n.done.Go(func() { n.pump(k, server, client, false) })
	n.pump(k, client, server, true)
}

// pump forwards what one side sends, request says which, until that ends or is lost.
func (n *Network) pump(k *link, from, to net.Conn, request bool) {
	defer n.drop(k)
	buf := make([]byte, 64<<10)
	for {
		size, err := from.Read(buf)
		if err != nil {
			return
		}
		if !n.open() {
			k.reset()
			return
		}
		if l := n.loses(k, request); l != nil {
			if l.reached != nil {
				close(l.reached)
				select {
				case <-l.lost:
				case <-n.quit:
				}
			}
			k.reset()
			return
		}
		passes, ends, orderly := size, false, false
		if !request {
			passes, ends, orderly = n.spend(size)
		}
		if _, err := to.Write(buf[:passes]); err != nil {
			return
		}
		if ends {
			if !orderly {
				k.reset()
			}
			return
		}
	}
}

// open waits while the network hangs, and reports whether it still exists and is
// not cut.
func (n *Network) open() bool {
	for {
		n.mu.Lock()
		g, cut := n.gate, n.cut
		n.mu.Unlock()
		if cut || g == nil {
			return !cut
		}
		select {
		case <-g.opened:
		case <-n.quit:
			return false
		}
	}
}

// loses returns by which loss the bytes are lost that are about to pass, or nil.
func (n *Network) loses(k *link, request bool) *loss {
	n.mu.Lock()
	defer n.mu.Unlock()
	begins := request != k.asked
	k.asked = request
	if !begins || n.loss == nil || n.loss.left == 0 || n.loss.answer == request {
		return nil
	}
	if n.loss.left--; n.loss.left > 0 {
		return nil
	}
	return n.loss
}

// spend takes the next bytes of an answer from the quota. It returns how many of
// them pass, and whether and how the connection ends behind them.
func (n *Network) spend(size int) (passes int, ends, orderly bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	q := n.quota
	if q == nil || q.spent {
		return size, false, false
	}
	passes = min(size, q.left)
	q.left -= passes
	q.spent = q.left == 0
	return passes, q.spent, q.orderly
}

// drop ends both halves of a link. What is on its way on either still arrives.
func (n *Network) drop(k *link) {
	n.mu.Lock()
	delete(n.links, k)
	n.mu.Unlock()
	_, _ = k.client.Close(), k.server.Close() // one of them has ended by itself
}

// resetAll is called with n.mu held.
func (n *Network) resetAll() {
	for k := range n.links {
		k.reset()
	}
	clear(n.links)
}

func (k *link) reset() {
	reset(k.client)
	reset(k.server)
}

// reset ends a connection so that its other end gets an error at once.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is gone already needs no reset
	}
	_ = c.Close()
}

// Hang swallows whatever is sent, in both directions, from its return until
// release is called; then it arrives. Connections stay up, and new ones are
// accepted and hang, as before a server that was stopped.
func (n *Network) Hang() (release func()) { return n.hang(false) }

// Blackhole is Hang where nothing answers an attempt to connect either, as behind a
// route that drops packets: DialContext waits until its context ends or release
// is called. The listeners of Address still accept, since the kernel does.
func (n *Network) Blackhole() (release func()) { return n.hang(true) }

func (n *Network) hang(dials bool) (release func()) {
	g := &gate{opened: make(chan struct{}), dials: dials}
	n.mu.Lock()
	n.gate = g
	n.mu.Unlock()
	return sync.OnceFunc(func() {
		n.mu.Lock()
		if n.gate == g {
			n.gate = nil
		}
		n.mu.Unlock()
		close(g.opened)
	})
}

// Cut resets every connection, and every new one, until heal is called.
func (n *Network) Cut() (heal func()) {
	n.mu.Lock()
	n.cut = true
	n.resetAll()
	n.mu.Unlock()
	return func() {
		n.mu.Lock()
		n.cut = false
		n.mu.Unlock()
	}
}

// LoseRequest resets the connection on which the nth request from now on is made,
// before the server gets any of it. A request is what a client sends until the
// server answers, a handshake included. Stop ends the watch and reports whether
// a request was lost.
func (n *Network) LoseRequest(nth int) (stop func() (lost bool)) { return n.lose(nth, false) }

// LoseAnswer is the same for the answer: the server has done what it was asked, and
// the client does not hear of it.
func (n *Network) LoseAnswer(nth int) (stop func() (lost bool)) { return n.lose(nth, true) }

func (n *Network) lose(nth int, answer bool) func() bool {
	return n.arm(&loss{answer: answer, left: nth})
}

// hold is LoseRequest or LoseAnswer where the half of the exchange is on its way for a
// while: when it comes to that, reached is closed, and the connection is reset by stop.
func (n *Network) hold(nth int, answer bool) (reached <-chan struct{}, stop func() (lost bool)) {
	armed := &loss{answer: answer, left: nth, reached: make(chan struct{}), lost: make(chan struct{})}
	disarm, reset := n.arm(armed), sync.OnceFunc(func() { close(armed.lost) })
	return armed.reached, func() bool { defer reset(); return disarm() }
}

func (n *Network) arm(armed *loss) (stop func() (lost bool)) {
	n.mu.Lock()
	n.loss = armed
	n.mu.Unlock()
	return func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.loss == armed {
			n.loss = nil
		}
		return armed.left == 0
	}
}

// ResetAfter lets size more bytes of answers pass, over all connections together, and
// then resets the connection on which the last of them came: an answer that is
// longer is lost from there on. Stop ends the watch and reports whether it came
// to that.
func (n *Network) ResetAfter(size int) (stop func() (ended bool)) { return n.limit(size, false) }

// CloseAfter is ResetAfter where the connection ends in good order, as that to a
// server does which is stopped while it answers.
func (n *Network) CloseAfter(size int) (stop func() (ended bool)) { return n.limit(size, true) }

func (n *Network) limit(size int, orderly bool) func() bool {
	armed := n.ration(size, orderly)
	return func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.quota == armed {
			n.quota = nil
		}
		return armed.spent
	}
}

func (n *Network) ration(size int, orderly bool) *quota {
	armed := &quota{left: size, orderly: orderly}
	n.mu.Lock()
	n.quota = armed
	n.mu.Unlock()
	return armed
}

// answerSize returns how many bytes of answers a call brings.
func (n *Network) answerSize(call func()) int {
	const all = math.MaxInt
	armed := n.ration(all, false)
	call()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.quota = nil
	return all - armed.left
}
