package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
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

// TestStopWhileAStoreIsOpened: a deployment may be stopped while its database is not up.
func TestStopWhileAStoreIsOpened(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"redis", "mongodb", "postgres"} {
		t.Run(scheme, func(t *testing.T) {
			p := launch(t, t.TempDir(), nil, "MYAUTH_JWT_SECRET="+testSecret, "MYAUTH_STORE=sqlite:auth.db",
				fmt.Sprintf("MYAUTH_TOKEN_STORE=%s://%s/%s", scheme, l.Addr(), map[string]string{"mongodb": "db", "postgres": "db"}[scheme]))
			conn, err := l.Accept() // and then no answer
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p.signal(syscall.SIGTERM)
			if status := p.status(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			if text := p.stderr(); strings.Contains(text, "MYAUTH_TOKEN_STORE") {
				t.Errorf("it blames a setting:\n%s", text)
			}
		})
	}
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
