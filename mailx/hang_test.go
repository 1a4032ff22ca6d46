package mailx

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"myauth.internal/kit"
)

// stall plays a relay up to the stage hangAt, calls reached there, and does
// nothing more until release: it neither answers nor reads.
func stall(p *peer, server *tls.Config, hangAt string, reached func(), release <-chan struct{}) {
	for _, step := range []struct {
		stage string
		wait  func() // for the client
		do    func()
	}{
		{"greeting", nil, func() { p.say("220 relay.test") }},
		{"EHLO", func() { p.line() }, func() { p.say("250-relay.test", "250 STARTTLS") }},
		{"STARTTLS", func() { p.line() }, func() { p.say("220 go ahead") }},
		{"handshake", nil, func() { p.secure(server) }},
		{"EHLO over TLS", func() { p.line() }, func() { p.say("250-relay.test", "250 AUTH PLAIN") }},
		{"AUTH", func() { p.line() }, func() { p.say("235 2.7.0 welcome") }},
		{"MAIL", func() { p.line() }, func() { p.say("250 2.1.0 fine") }},
		{"RCPT", func() { p.line() }, func() { p.say("250 2.1.5 fine") }},
		{"DATA", func() { p.line() }, func() { p.say("354 go on") }},
		{"writing", nil, func() { p.message() }},
		{"message", nil, func() { p.say("250 2.0.0 queued") }},
		{"QUIT", func() { p.line() }, func() { p.say("221 2.0.0 bye") }},
	} {
		if step.wait != nil {
			step.wait()
		}
		if step.stage == hangAt {
			reached()
			<-release
			return
		}
		step.do()
	}
}

// At whatever stage the relay stops, sending ends when the context does.
func TestRelayThatHangs(t *testing.T) {
	authority := newAuthority(t)
	server := authority.serverConfig("127.0.0.1", testTime.AddDate(1, 0, 0))
	// More than the buffers of a connection hold, so that writing blocks.
	long := fstest.MapFS{
		"verification.txt":  {Data: []byte(`{{define "subject"}}long{{end}}{{.Link}}` + strings.Repeat(strings.Repeat("x", 70)+"\n", 180_000))},
		"verification.html": {Data: []byte(`{{.Link}}`)},
	}
	for _, stage := range []string{
		"greeting", "EHLO", "STARTTLS", "handshake", "implicit TLS", "EHLO over TLS",
		"AUTH", "MAIL", "RCPT", "DATA", "writing", "message", "QUIT",
	} {
		t.Run(stage, func(t *testing.T) {
			opts := &Options{TLS: authority.clientConfig(), Timeout: time.Hour}
			if stage == "writing" {
				opts.Templates = long
			}
			ctx, cancel := context.WithCancel(t.Context())
			release := make(chan struct{})
			cfg, _ := playRelay(t, func(p *peer) {
				if stage == "implicit TLS" {
					cancel()
					<-release
					return
				}
				stall(p, server, stage, cancel, release)
			})
			defer close(release)
			cfg.Username, cfg.Password = testUser, testPassword
			if stage == "implicit TLS" {
				cfg.Security = ImplicitTLS
			}
			err := promptly(ctx, t, newMailer(t, cfg, opts, nil))
			if stage == "QUIT" { // the relay has the mail
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			if !errors.Is(err, context.Canceled) || isPermanent(err) || !strings.HasPrefix(err.Error(), "mailx: ") {
				t.Errorf("got %v, want a retryable error that is context.Canceled", err)
			}
		})
	}
}

// promptly sends a mail, and fails the test when that does not end.
func promptly(ctx context.Context, t *testing.T, m kit.Mailer) error {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- m.Send(ctx, sample("ada@example.com")) }()
	select {
	case err := <-result:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("sending does not end")
		return nil
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	cfg, _ := playRelay(t, func(*peer) { <-release })
	defer close(release)
	m := newMailer(t, cfg, &Options{Timeout: 20 * time.Millisecond}, nil)
	if err := promptly(t.Context(), t, m); !errors.Is(err, context.DeadlineExceeded) || isPermanent(err) {
		t.Errorf("got %v, want a retryable error that is context.DeadlineExceeded", err)
	}
}

func TestContextDoneBefore(t *testing.T) {
	r := startRelay(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.mailer(t, nil).Send(ctx, sample("ada@example.com")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	r.wantNothing(t)
}

// A relay that closes is a network fault, wherever it does.
func TestRelayThatCloses(t *testing.T) {
	authority := newAuthority(t)
	server := authority.serverConfig("127.0.0.1", testTime.AddDate(1, 0, 0))
	closed := make(chan struct{})
	close(closed)
	for _, stage := range []string{"greeting", "EHLO", "STARTTLS", "handshake", "EHLO over TLS", "AUTH", "MAIL", "RCPT", "DATA", "writing", "message"} {
		cfg, _ := playRelay(t, func(p *peer) { stall(p, server, stage, func() {}, closed) })
		m := newMailer(t, cfg, &Options{TLS: authority.clientConfig()}, withPassword)
		err := promptly(t.Context(), t, m)
		if t.Logf("%s: %v", stage, err); err == nil || isPermanent(err) {
			t.Errorf("closed at %s: got %v, want a retryable error", stage, err)
		}
	}
}
