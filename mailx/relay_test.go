package mailx

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"myauth.internal/kit"
)

const (
	testUser     = "mailer,of=shop" // both need escaping in OAUTHBEARER
	testPassword = kit.Secret("correct horse")
	testToken    = "ya29.token_of-tests"
)

// relay is go-smtp's server on a loopback port, with what happened to it.
type relay struct {
	authority *authority
	server    *smtp.Server
	cfg       Config // of its clients
	// What it offers and refuses.
	mechanisms             []string
	implicitTLS            bool
	atMail, atRcpt, atData error

	arrived chan<- delivered // gets each mail, if set

	mu     sync.Mutex
	events []string // "AUTH PLAIN", "MAIL", "RCPT", "DATA"
	mails  []delivered
}

// delivered is one mail as the relay took it.
type delivered struct {
	from, user, hostname string
	to                   []string
	data                 []byte
	tls, utf8            bool
}

// startRelay starts a relay with STARTTLS on 127.0.0.1; change may make it another.
func startRelay(t *testing.T, change func(*relay)) *relay {
	t.Helper()
	r := &relay{authority: newAuthority(t)}
	r.server = smtp.NewServer(r)
	r.server.Domain = "relay.test"
	r.server.ErrorLog = log.New(io.Discard, "", 0)
	r.server.TLSConfig = r.authority.serverConfig("127.0.0.1", testTime.AddDate(1, 0, 0))
	if change != nil {
		change(r)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.cfg = configFor(listener)
	if r.implicitTLS {
		listener = tls.NewListener(listener, r.server.TLSConfig)
		r.cfg.Security = ImplicitTLS
	}
	done := make(chan error, 1)
	go func() { done <- r.server.Serve(listener) }()
	t.Cleanup(func() {
		r.server.Close()
		listener.Close() // Close does not, when Serve has not begun
		<-done
	})
	return r
}

func configFor(l net.Listener) Config {
	host, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)
	return Config{Host: host, Port: n}
}

// mailer returns one that trusts the relay.
func (r *relay) mailer(t *testing.T, change func(*Config, *Options)) *Mailer {
	t.Helper()
	cfg, opts := r.cfg, &Options{From: "Shop <no-reply@shop.example>", TLS: r.authority.clientConfig()}
	if change != nil {
		change(&cfg, opts)
	}
	m, err := New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// delivered returns the one mail that the relay has.
func (r *relay) delivered(t *testing.T) delivered {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.mails) != 1 {
		t.Fatalf("the relay has %d mails, want 1; events %q", len(r.mails), r.events)
	}
	return r.mails[0]
}

// saw reports whether the relay has had one of the events.
func (r *relay) saw(events ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.events, func(e string) bool { return slices.Contains(events, e) })
}

func (r *relay) wantNothing(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) > 0 {
		t.Errorf("the relay has seen %q, want nothing", r.events)
	}
}

func (r *relay) event(e string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// NewSession implements smtp.Backend.
func (r *relay) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secured := c.TLSConnectionState()
	return &session{relay: r, mail: delivered{tls: secured, hostname: c.Hostname()}}, nil
}

// session is one connection of a relay.
type session struct {
	relay *relay
	mail  delivered
}

func (s *session) AuthMechanisms() []string { return s.relay.mechanisms }

func (s *session) Auth(mech string) (sasl.Server, error) {
	s.relay.event("AUTH " + mech)
	password := func(user, password string) error {
		if user != testUser || password != string(testPassword) {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not you, " + user + " " + password}
		}
		s.mail.user = user
		return nil
	}
	bearer := func(user, token string) error {
		if user != testUser || token != testToken {
			return errors.New("no")
		}
		s.mail.user = user
		return nil
	}
	switch mech {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, pass string) error { return password(user, pass) }), nil
	case sasl.Login:
		return &loginServer{check: password}, nil
	case sasl.OAuthBearer:
		return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
			if bearer(saslUnescape.Replace(o.Username), o.Token) != nil || o.Host != s.relay.cfg.Host || o.Port != s.relay.cfg.Port {
				return &sasl.OAuthBearerError{Status: "invalid_token", Schemes: "bearer"}
			}
			return nil
		}), nil
	case string(AuthXOAUTH2):
		return &xoauth2Server{check: bearer}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	s.relay.event("MAIL")
	s.mail.from, s.mail.utf8 = from, opts.UTF8
	return s.relay.atMail
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.relay.event("RCPT")
	s.mail.to = append(s.mail.to, to)
	return s.relay.atRcpt
}

func (s *session) Data(r io.Reader) error {
	s.relay.event("DATA")
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.relay.atData != nil {
		return s.relay.atData
	}
	s.mail.data = data
	if s.relay.arrived != nil {
		s.relay.arrived <- s.mail
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.mails = append(s.relay.mails, s.mail)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
