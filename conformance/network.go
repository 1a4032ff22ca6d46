package conformance

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// Network stands between a store and its server and breaks on demand. It is a proxy of
// real TCP connections over the loopback interface, so the store and its client library
// see what a broken network shows them. Its methods are safe for concurrent use.
type Network struct {
	tb   testing.TB
	quit chan struct{}
	done sync.WaitGroup // every goroutine of this network

	mu        sync.Mutex
	listeners map[server]*net.TCPListener // nil once the network is closed
	links     map[*link]struct{}
	cut       bool
	hung      *hang   // nil when nothing hangs
	loss      *loss   // nil when nothing is to be lost
	cutoff    *cutoff // nil when answers may be of any length
	answers   int     // that have begun
	answered  int     // bytes of answers that have passed
}

var errCut = errors.New("conformance: the network is cut")

// server is the address of one.
type server struct{ network, address string }

// link is one connection of a client and the one to the server behind it.
type link struct {
	client, server net.Conn
	asked          bool // the last bytes went to the server: those that come next begin an answer
}

// hang is what everything waits for during a Hang or a Blackhole.
type hang struct {
	over  chan struct{}
	dials bool // they wait as well
}

// loss counts down to the request or answer that gets lost.
type loss struct {
	answer  bool
	left    int
	reached chan struct{} // closed when it comes to that
	over    chan struct{} // what is lost is on its way until this is closed
}

// cutoff ends a connection when so many bytes of answers have passed.
type cutoff struct {
	at      int  // of Network.answered
	orderly bool // it ends as a server does that stops, not by a reset
	reached bool
}

// NewNetwork returns a network that works. It ends with the test.
func NewNetwork(tb testing.TB) *Network {
	n := &Network{tb: tb, quit: make(chan struct{}), listeners: map[server]*net.TCPListener{}, links: map[*link]struct{}{}}
	tb.Cleanup(func() {
		close(n.quit)
		n.mu.Lock()
		for _, l := range n.listeners {
			_ = l.Close() // nobody uses it any more
		}
		n.listeners = nil
		n.resetLinks()
		n.mu.Unlock()
		n.done.Wait()
	})
	return n
}

// DialContext connects to the server at address through the network. It has the form of
// the dialer that most client libraries take. Clients of a cluster, which learn further
// addresses from the server, need it.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if err := n.wait(ctx, true); err != nil && !errors.Is(err, errCut) { // what is cut accepts, and resets
		return nil, err
	}
	l, err := n.listener(server{network, address})
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", l.Addr().String())
}

// Address returns the host:port of a listener that forwards to the TCP server at address,
// for libraries that take no dialer. It ends the test when it cannot listen, so it must
// be called on the test's goroutine.
func (n *Network) Address(address string) string {
	n.tb.Helper()
	l, err := n.listener(server{"tcp", address})
	if err != nil {
		n.tb.Fatalf("conformance: a listener for %s: %v", address, err)
	}
	return l.Addr().String()
}

// Hang holds back everything that is sent, in both directions, from its return until
// release is called. Connections stay up, and new ones are accepted and hang, as with a
// server that was stopped.
func (n *Network) Hang() (release func()) { return n.hang(false) }

// Blackhole is Hang without an answer to an attempt to connect, as behind a route that
// drops packets: DialContext waits until its context ends or release is called. The
// listeners of Address still accept, since the kernel does that.
func (n *Network) Blackhole() (release func()) { return n.hang(true) }

func (n *Network) hang(dials bool) (release func()) {
	h := &hang{over: make(chan struct{}), dials: dials}
	n.mu.Lock()
	n.hung = h
	n.mu.Unlock()
	return sync.OnceFunc(func() {
		n.mu.Lock()
		if n.hung == h {
			n.hung = nil
		}
		n.mu.Unlock()
		close(h.over)
	})
}

// Cut resets every connection, and every new one, until heal is called.
func (n *Network) Cut() (heal func()) {
	n.mu.Lock()
	n.cut = true
	n.resetLinks()
	n.mu.Unlock()
	return func() {
		n.mu.Lock()
		n.cut = false
		n.mu.Unlock()
	}
}

// LoseAnswer resets the connection on which the nth answer from now on begins: the server
// has done what it was asked, and the client does not hear of it. An answer is what a
// server sends until the client asks again, in a handshake too. Stop ends the watch and
// reports whether an answer was lost.
func (n *Network) LoseAnswer(nth int) (stop func() (lost bool)) {
	_, stop = n.lose(nth, true, false)
	return stop
}

// loseRequest is the same for the nth request: the server gets none of it.
func (n *Network) loseRequest(nth int) (stop func() (lost bool)) {
	_, stop = n.lose(nth, false, false)
	return stop
}

// lose loses the nth request or answer. One that is held is on its way until stop is
// called. Reached is closed when it comes to that.
func (n *Network) lose(nth int, answer, held bool) (reached <-chan struct{}, stop func() (lost bool)) {
	l := &loss{answer: answer, left: nth, reached: make(chan struct{}), over: make(chan struct{})}
	if !held {
		close(l.over)
	}
	n.mu.Lock()
	n.loss = l
	n.mu.Unlock()
	return l.reached, sync.OnceValue(func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.loss == l {
			n.loss = nil
		}
		if held {
			close(l.over)
		}
		return l.left == 0
	})
}

// Answers returns how many answers have begun so far, and so how many round trips there were, for
// [RunTrips].
func (n *Network) Answers() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.answers
}

// endAfter lets size more bytes of answers pass, over all connections together, and then
// ends the connection on which the last of them came, in good order or by a reset. Stop
// ends the watch and reports whether it came to that.
func (n *Network) endAfter(size int, orderly bool) (stop func() (ended bool)) {
	n.mu.Lock()
	c := &cutoff{at: n.answered + size, orderly: orderly}
	n.cutoff = c
	n.mu.Unlock()
	return func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.cutoff = nil
		return c.reached
	}
}

// answerSize returns how many bytes of answers a call brings.
func (n *Network) answerSize(call func()) int {
	answered := func() int {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.answered
	}
	before := answered()
	call()
	return answered() - before
}

// listener returns the one that forwards to that server.
func (n *Network) listener(to server) (*net.TCPListener, error) {
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
func (n *Network) serve(client net.Conn, to server) {
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
	n.done.Go(func() { n.forward(k, server, client, false) })
	n.forward(k, client, server, true)
}

// forward passes on what one side sends, until that ends or is lost.
func (n *Network) forward(k *link, from, to net.Conn, request bool) {
	defer n.drop(k)
	buf := make([]byte, 64<<10)
	for {
		size, err := from.Read(buf)
		if err != nil {
			return
		}
		if !n.open() || n.loses(k, request) {
			k.reset()
			return
		}
		var end *cutoff
		if !request {
			size, end = n.pass(size)
		}
		if _, err := to.Write(buf[:size]); err != nil {
			return
		}
		if end != nil {
			if !end.orderly {
				k.reset()
			}
			return
		}
	}
}

// open waits while the network hangs, and reports whether it exists and is not cut.
func (n *Network) open() bool { return n.wait(context.Background(), false) == nil }

// wait waits while the network hangs, or while it lets no connection be made. It returns
// an error when it is cut or closed, or ctx is done.
func (n *Network) wait(ctx context.Context, dialing bool) error {
	for {
		n.mu.Lock()
		h, cut := n.hung, n.cut
		n.mu.Unlock()
		switch {
		case cut:
			return errCut
		case h == nil, dialing && !h.dials:
			return nil
		}
		select {
		case <-h.over:
		case <-ctx.Done():
			return ctx.Err()
		case <-n.quit:
			return net.ErrClosed
		}
	}
}

// loses reports whether the bytes that are about to pass are lost, and waits while they
// are held.
func (n *Network) loses(k *link, request bool) bool {
	n.mu.Lock()
	begins, l := request != k.asked, n.loss
	k.asked = request
	if begins && !request {
		n.answers++
	}
	counts := begins && l != nil && l.left > 0 && l.answer != request
	if counts {
		l.left--
	}
	lost := counts && l.left == 0
	n.mu.Unlock()
	if lost {
		close(l.reached)
		select {
		case <-l.over:
		case <-n.quit:
		}
	}
	return lost
}

// pass counts the next bytes of an answer. It returns how many of them arrive, and what
// ends the connection behind them, if anything does.
func (n *Network) pass(size int) (passes int, end *cutoff) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.cutoff; c != nil && n.answered+size >= c.at {
		size, c.reached = c.at-n.answered, true
		n.cutoff, end = nil, c
	}
	n.answered += size
	return size, end
}

// drop ends both halves of a link. What is on its way still arrives.
func (n *Network) drop(k *link) {
	n.mu.Lock()
	delete(n.links, k)
	n.mu.Unlock()
	_, _ = k.client.Close(), k.server.Close() // one of them has ended by itself
}

// resetLinks is called with n.mu held.
func (n *Network) resetLinks() {
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
