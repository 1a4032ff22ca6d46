package mailx

import (
	"crypto/tls"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

func sample(to string) kit.Mail {
	return kit.Mail{
		Kind: kit.MailVerification, To: to, Username: "Ada", Link: "https://shop.example/verify-email?token=secret-token-0123456789-0123456789",
		DenyLink: "https://shop.example/verify-email/deny?token=secret-token-0123456789-0123456789",
		Token:    "secret-token-0123456789-0123456789", Now: testTime, ValidUntil: testTime.Add(24 * time.Hour),
	}
}

func sampleOf(kind kit.MailKind) kit.Mail {
	m := sample("ada@example.com")
	m.Kind = kind
	return m
}

var permanentType = reflect.TypeOf(kit.Permanent(errors.New("")))

func isPermanent(err error) bool { return reflect.TypeOf(err) == permanentType }

// wantRetryable checks that err is one, names the stage, and holds no secret.
func wantRetryable(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || isPermanent(err) || !strings.HasPrefix(err.Error(), "mailx: ") || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want a retryable error about %q", err, words)
	}
}

func TestDelivery(t *testing.T) {
	for name, test := range map[string]struct {
		relay    func(*relay)
		config   func(*Config, *Options)
		tls      bool
		hostname string
	}{
		"STARTTLS":     {nil, nil, true, "shop.example"},
		"implicit TLS": {func(r *relay) { r.implicitTLS = true }, nil, true, "shop.example"},
		"plaintext": {
			func(r *relay) { r.server.TLSConfig = nil },
			func(c *Config, _ *Options) { c.Security = InsecurePlaintext }, false, "shop.example",
		},
		"another bounce address and name": {
			nil,
			func(_ *Config, o *Options) { o.Bounce, o.LocalName = "no-reply@shop.example", "app.shop.example" }, true, "app.shop.example",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, test.relay)
			m := r.mailer(t, test.config)
			if err := m.Send(t.Context(), sample("ada@example.com")); err != nil {
				t.Fatal(err)
			}
			got := r.delivered(t)
			if got.from != "no-reply@shop.example" || !slices.Equal(got.to, []string{"ada@example.com"}) || got.tls != test.tls || got.hostname != test.hostname {
				t.Errorf("delivered from %q to %q, TLS %v, by %q", got.from, got.to, got.tls, got.hostname)
			}
			if r.saw("AUTH PLAIN", "AUTH LOGIN") {
				t.Error("AUTH without credentials")
			}
		})
	}
}

func TestBounceAddress(t *testing.T) {
	r := startRelay(t, nil)
	m := r.mailer(t, func(_ *Config, o *Options) { o.Bounce = "bounces@shop.example" })
	if err := m.Send(t.Context(), sampleOf(kit.MailPasswordReset)); err != nil {
		t.Fatal(err)
	}
	if got := r.delivered(t); got.from != "bounces@shop.example" || !strings.Contains(string(got.data), "\r\nTo: <ada@example.com>\r\n") {
		t.Errorf("delivered from %q:\n%s", got.from, got.data)
	}
}

// A relay without STARTTLS gets neither AUTH nor mail, even if it takes both.
func TestRelayWithoutSTARTTLS(t *testing.T) {
	r := startRelay(t, func(r *relay) {
		r.server.TLSConfig = nil
		r.server.AllowInsecureAuth = true
		r.mechanisms = []string{"PLAIN"}
	})
	m := r.mailer(t, withPassword)
	wantRetryable(t, m.Send(t.Context(), sample("ada@example.com")), "STARTTLS")
	r.wantNothing(t)
}

// Nor does one that offers STARTTLS and then refuses it.
func TestRelayThatRefusesSTARTTLS(t *testing.T) {
	var after string
	cfg, done := playRelay(t, func(p *peer) {
		p.say("220 relay.test")
		p.line()
		p.say("250-relay.test", "250-AUTH PLAIN", "250 STARTTLS")
		p.line()
		p.say("454 4.7.0 TLS is out of order")
		after = p.line()
	})
	m := newMailer(t, cfg, &Options{}, withPassword)
	wantRetryable(t, m.Send(t.Context(), sample("ada@example.com")), "STARTTLS: 454 4.7.0 TLS is out of order")
	if <-done; after != "" {
		t.Errorf("after the refusal the client said %q", after)
	}
}

func newMailer(t *testing.T, cfg Config, opts *Options, change func(*Config, *Options)) *Mailer {
	t.Helper()
	if change != nil {
		change(&cfg, opts)
	}
	m, err := New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func withPassword(c *Config, _ *Options) { c.Username, c.Password = testUser, testPassword }

func TestBadCertificates(t *testing.T) {
	trusted := newAuthority(t)
	later := testTime.AddDate(1, 0, 0)
	weak := trusted.serverConfig("127.0.0.1", later)
	weak.MinVersion, weak.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for name, server := range map[string]*tls.Config{
		"wrong host":        trusted.serverConfig("relay.example", later),
		"wrong address":     trusted.serverConfig("127.0.0.2", later),
		"expired":           trusted.serverConfig("127.0.0.1", testTime.Add(-time.Hour)),
		"unknown authority": newAuthority(t).serverConfig("127.0.0.1", later),
		"TLS 1.1":           weak,
	} {
		for _, implicit := range []bool{false, true} {
			r := startRelay(t, func(r *relay) {
				r.server.TLSConfig, r.implicitTLS = server, implicit
				r.mechanisms = []string{"PLAIN"}
			})
			m := r.mailer(t, func(c *Config, o *Options) {
				withPassword(c, o)
				o.TLS = trusted.clientConfig()
			})
			err := m.Send(t.Context(), sample("ada@example.com"))
			t.Logf("%s: %v", name, err)
			wantRetryable(t, err, "TLS: ")
			r.wantNothing(t)
		}
	}
}

// What somebody in between appends to the answer to STARTTLS is never taken for an
// answer of the relay.
func TestAnswersInjectedBeforeTLS(t *testing.T) {
	authority := newAuthority(t)
	server := authority.serverConfig("127.0.0.1", testTime.AddDate(1, 0, 0))
	var commands []string
	cfg, done := playRelay(t, func(p *peer) {
		p.say("220 relay.test")
		p.line()
		p.say("250-relay.test", "250 STARTTLS")
		p.line()
		p.say("220 go ahead", "250-evil.test", "250 AUTH PLAIN", "235 2.7.0 logged in", "250 2.1.0 sender", "250 2.1.5 recipient", "354 go on", "250 2.0.0 queued")
		p.secure(server)
		for {
			command := p.line()
			if command == "" {
				return
			}
			commands = append(commands, command)
			switch {
			case strings.HasPrefix(command, "EHLO"):
				p.say("250-relay.test", "250 AUTH LOGIN")
			case strings.HasPrefix(command, "AUTH"):
				p.say("535 5.7.8 no")
			default:
				p.say("500 5.5.1 what?")
			}
		}
	})
	m := newMailer(t, cfg, &Options{TLS: authority.clientConfig()}, withPassword)
	wantRetryable(t, m.Send(t.Context(), sample("ada@example.com")), "AUTH: 535 5.7.8")
	if <-done; len(commands) < 2 || commands[0] != "EHLO [127.0.0.1]" || commands[1] != "AUTH LOGIN" {
		t.Errorf("after the handshake the client said %q", commands)
	}
}

func TestConnectionRefused(t *testing.T) {
	cfg, _ := playRelay(t, func(*peer) {})
	cfg.Port = 1 // where no program listens
	m := newMailer(t, cfg, &Options{}, nil)
	wantRetryable(t, m.Send(t.Context(), sample("ada@example.com")), "connecting: ")
}

func TestRelayThatNeverStopsTalking(t *testing.T) {
	cfg, _ := playRelay(t, func(p *peer) {
		for {
			if _, err := p.conn.Write([]byte("220-" + strings.Repeat("x", 1000) + "\r\n")); err != nil {
				return
			}
		}
	})
	m := newMailer(t, cfg, &Options{}, nil)
	wantRetryable(t, m.Send(t.Context(), sample("ada@example.com")), "too much")
}
