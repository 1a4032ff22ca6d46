package mailx

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
)

// peer is the relay's end of one connection, played by a test.
type peer struct {
	conn net.Conn
	r    *bufio.Reader
}

// playRelay has play take the first connection to a loopback port. The channel is
// closed when play has returned, which it does at the latest when the client has
// closed; the test does not end before.
func playRelay(t *testing.T, play func(*peer)) (Config, <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		play(&peer{conn, bufio.NewReader(conn)})
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return configFor(listener), done
}

// line reads a command; empty when the client has closed.
func (p *peer) line() string {
	s, _ := p.r.ReadString('\n')
	return strings.TrimRight(s, "\r\n")
}

func (p *peer) say(lines ...string) {
	io.WriteString(p.conn, strings.Join(lines, "\r\n")+"\r\n")
}

// secure turns to TLS.
func (p *peer) secure(cfg *tls.Config) {
	p.conn = tls.Server(p.conn, cfg)
	p.r = bufio.NewReader(p.conn)
}

// message reads up to the final dot, or until the client closes.
func (p *peer) message() string {
	var b strings.Builder
	for {
		s, err := p.r.ReadString('\n')
		if err != nil || s == ".\r\n" {
			return b.String()
		}
		b.WriteString(s)
	}
}

// idle reads, and says nothing, until the client closes.
func (p *peer) idle() { io.Copy(io.Discard, p.r) }
