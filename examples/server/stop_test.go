package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

func TestSignalsEndItInOrder(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			p := startServer(t, t.TempDir())
			p.signal(s)
			if status := p.status(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

// TestSignalsWhileAStoreIsOpened: a deployment is stopped before its database is up.
// That is no fault of a setting, and what was opened already is closed.
func TestSignalsWhileAStoreIsOpened(t *testing.T) {
	for name, url := range map[string]string{"postgres": "postgres://app@%s/app", "mongo": "mongodb://%s/app", "redis": "redis://%s/0"} {
		for _, variable := range []string{"MYAUTH_STORE", "MYAUTH_TOKEN_STORE"} {
			for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
				t.Run(name+"/"+variable+"/"+s.String(), func(t *testing.T) {
					t.Parallel()
					addr, asked := silentServer(t)
					dir := t.TempDir()
					p := launch(t, dir, nil, "MYAUTH_JWT_SECRET="+testSecret, variable+"="+fmt.Sprintf(url, addr))
					select {
					case <-asked:
					case <-time.After(patience):
						t.Fatal("the server does not ask for the store")
					}
					p.signal(s)
					if status := p.status(); status != 0 {
						t.Errorf("exit status %d", status)
					}
					said := p.stderr()
					if !strings.HasSuffix(said, "msg=stopping") || strings.Contains(said, "MYAUTH_") || strings.Contains(said, "listening") {
						t.Errorf("it said:\n%s", said)
					}
					if left, err := filepath.Glob(filepath.Join(dir, "*-wal")); len(left) > 0 || err != nil {
						t.Errorf("SQLite was left open: %q, %v", left, err)
					}
				})
			}
		}
	}
}

// TestSignalsWhileTheAddressIsLookedUp: nor is that the fault of MYAUTH_ADDR.
func TestSignalsWhileTheAddressIsLookedUp(t *testing.T) {
	s, err := parseSettings(env("MYAUTH_JWT_SECRET="+testSecret, "MYAUTH_ADDR=localhost:0", "MYAUTH_STORE=memory:"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := start(ctx, nil, &s, slog.New(slog.DiscardHandler), io.Discard); err != nil {
		t.Error(err)
	}
}

// silentServer accepts connections, says nothing, and reports once that somebody has
// asked it something.
func silentServer(t *testing.T) (addr string, asked <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{}, 1)
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			ended.Go(func() {
				defer conn.Close()
				if n, _ := conn.Read(make([]byte, 1)); n > 0 {
					select {
					case heard <- struct{}{}:
					default:
					}
				}
				io.Copy(io.Discard, conn) // until the other side hangs up
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		ended.Wait()
	})
	return l.Addr().String(), heard
}

// TestStopWithoutALogReader: with `server 2>&1 | tee log`, Ctrl-C ends tee too.
func TestStopWithoutALogReader(t *testing.T) {
	p := startServer(t, t.TempDir())
	if err := p.stderrPipe.Close(); err != nil {
		t.Fatal(err)
	}
	p.do(201, "POST", "/auth/register", "", registration) // which is logged
	p.stop()
}

// openRequest sends the head of a login and half of its body, and leaves the
// server waiting for the rest.
func openRequest(t *testing.T, p *process) (conn net.Conn, in *bufio.Reader, rest string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// With Expect, the server's 100 says that the handler is reading the body.
	fmt.Fprintf(conn, "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(credentials))
	in = bufio.NewReader(conn)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := in.ReadString('\n'); line != want {
			t.Fatalf("%q %v", line, err)
		}
	}
	half := len(credentials) / 2
	io.WriteString(conn, credentials[:half])
	return conn, in, credentials[half:]
}

func TestStopFinishesRunningRequests(t *testing.T) {
	p := startServer(t, t.TempDir())
	p.do(201, "POST", "/auth/register", "", registration)
	conn, in, rest := openRequest(t, p)
	p.signal(syscall.SIGTERM)
	p.waitFor(`msg=stopping`)
	for deadline := time.Now().Add(patience); ; { // no new connections
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			break
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatal("it goes on accepting")
		}
	}
	io.WriteString(conn, rest)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), "access_token") {
		t.Errorf("status %d %v: %s", res.StatusCode, err, body)
	}
	if status := p.status(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestSecondSignalEndsItAtOnce(t *testing.T) {
	p := startServer(t, t.TempDir())
	openRequest(t, p)
	p.signal(syscall.SIGTERM)
	p.waitFor(`msg=stopping`)
	start := time.Now()
	p.signal(syscall.SIGTERM)
	p.status()
	state := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !state.Signaled() || state.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", state)
	}
	if took := time.Since(start); took > requestsWithin/2 {
		t.Errorf("it took %v", took)
	}
}

// TestStopDeliversQueuedMails: a mail is on its way to a relay that does not
// answer yet, a second one behind it, when the signal comes.
func TestStopDeliversQueuedMails(t *testing.T) {
	relay := newRelay(t)
	p := startServer(t, t.TempDir(), "MYAUTH_SMTP_URL=smtp://"+relay.addr+"?tls=none", "MYAUTH_MAIL_FROM=Post Office <post@example.net>")
	p.do(201, "POST", "/auth/register", "", registration)
	if from := <-relay.entered; from != "post@example.net" {
		t.Errorf("the sender is %q", from)
	}
	p.do(202, "POST", "/auth/password-reset-request", "", `{"email":"ada@example.com"}`)
	p.signal(syscall.SIGTERM)
	p.waitFor(`msg=stopping`)
	close(relay.release)
	if status := p.status(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	var links []string
	for range 2 {
		select {
		case mail := <-relay.mails:
			for _, page := range []string{"/verify-email?token=", "/reset-password?token="} {
				if strings.Contains(mail, page) || strings.Contains(mail, strings.Replace(page, "=", "=3D", 1)) {
					links = append(links, page)
				}
			}
		default:
		}
	}
	if len(links) != 2 {
		t.Errorf("delivered: %q", links)
	}
}

// relay is a mail server that keeps each mail waiting until release is closed.
type relay struct {
	addr    string
	entered chan string // the sender of each mail that has begun
	release chan struct{}
	mails   chan string
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{l.Addr().String(), make(chan string, 10), make(chan struct{}), make(chan string, 10)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &relaySession{r}, nil }))
	server.Domain = "relay.test"
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return r
}

type relaySession struct{ relay *relay }

func (s *relaySession) Mail(from string, _ *smtp.MailOptions) error {
	s.relay.entered <- from
	<-s.relay.release
	return nil
}

func (s *relaySession) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s *relaySession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	if err == nil {
		s.relay.mails <- string(mail)
	}
	return err
}

func (s *relaySession) Reset()        {}
func (s *relaySession) Logout() error { return nil }
