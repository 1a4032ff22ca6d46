package hostile

import (
	"bytes"
	"context"
	"net"
	"sync"
)

// listener is a network without ports, whose goroutines testing/synctest can wait for.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return newConn(ours), nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// conn is the client's end. Its writes do not wait for the server to read, as those of a socket do not:
// otherwise two ends that say goodbye at once wait for each other, which TLS gives up after 5 seconds.
type conn struct {
	net.Conn
	queue chan []byte
	done  chan struct{}
	once  sync.Once
}

func newConn(pipe net.Conn) *conn {
	c := &conn{Conn: pipe, queue: make(chan []byte, 64), done: make(chan struct{})}
	go func() {
		for {
			select {
			case b := <-c.queue:
				if _, err := pipe.Write(b); err != nil {
					return
				}
			case <-c.done:
				return
			}
		}
	}()
	return c
}

func (c *conn) Write(p []byte) (int, error) {
	select {
	case c.queue <- bytes.Clone(p):
		return len(p), nil
	case <-c.done:
		return 0, net.ErrClosed
	}
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}
