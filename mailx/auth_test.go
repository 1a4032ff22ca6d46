package mailx

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"myauth.internal/kit"
)

func TestAuthentication(t *testing.T) {
	withToken := func(c *Config, o *Options) {
		c.Username = testUser
		o.Token = func(context.Context) (string, error) { return testToken, nil }
	}
	named := func(a Auth, change func(*Config, *Options)) func(*Config, *Options) {
		return func(c *Config, o *Options) {
			c.Auth = a
			change(c, o)
		}
	}
	tokenAsPassword := func(c *Config, _ *Options) { c.Username, c.Password = testUser, testToken }
	for name, test := range map[string]struct {
		offered []string
		config  func(*Config, *Options)
		used    string
	}{
		"PLAIN first":       {[]string{"LOGIN", "XOAUTH2", "PLAIN"}, withPassword, "PLAIN"},
		"LOGIN alone":       {[]string{"LOGIN", "XOAUTH2"}, withPassword, "LOGIN"},
		"LOGIN named":       {[]string{"LOGIN", "PLAIN"}, named(AuthLogin, withPassword), "LOGIN"},
		"PLAIN named":       {[]string{"PLAIN"}, named(AuthPlain, withPassword), "PLAIN"},
		"OAUTHBEARER first": {[]string{"XOAUTH2", "PLAIN", "OAUTHBEARER"}, withToken, "OAUTHBEARER"},
		"XOAUTH2 alone":     {[]string{"XOAUTH2", "PLAIN"}, withToken, "XOAUTH2"},
		"XOAUTH2 static":    {[]string{"XOAUTH2"}, named(AuthXOAUTH2, tokenAsPassword), "XOAUTH2"},
		"OAUTHBEARER named": {[]string{"XOAUTH2", "OAUTHBEARER"}, named(AuthOAuthBearer, tokenAsPassword), "OAUTHBEARER"},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, func(r *relay) { r.mechanisms = test.offered })
			if err := r.mailer(t, test.config).Send(t.Context(), sample("ada@example.com")); err != nil {
				t.Fatal(err)
			}
			if got := r.delivered(t); got.user != testUser || !got.tls || !r.saw("AUTH "+test.used) {
				t.Errorf("logged in as %q, TLS %v, events %q", got.user, got.tls, r.events)
			}
		})
	}
}

// Refused credentials can be mended by the operator while the mail waits. What the
// relay says about them must not be shown: this one repeats them.
func TestRefusedCredentials(t *testing.T) {
	for _, a := range []Auth{AuthPlain, AuthLogin, AuthXOAUTH2, AuthOAuthBearer} {
		t.Run(string(a), func(t *testing.T) {
			r := startRelay(t, func(r *relay) { r.mechanisms = []string{string(a)} })
			m := r.mailer(t, func(c *Config, _ *Options) { c.Username, c.Password, c.Auth = testUser, "wrong", a })
			err := m.Send(t.Context(), sample("ada@example.com"))
			want := "AUTH: 535 5.7.8"
			if a == AuthOAuthBearer {
				want = "AUTH: the relay refuses the access token"
			}
			if wantRetryable(t, err, want); strings.Contains(err.Error(), "wrong") || strings.Contains(err.Error(), testUser) {
				t.Errorf("the error holds the credentials: %v", err)
			}
			if r.saw("MAIL") {
				t.Error("a mail without authentication")
			}
		})
	}
}

func TestRelayWithoutAUTH(t *testing.T) {
	for _, offered := range [][]string{nil, {"XOAUTH2", "CRAM-MD5"}} {
		r := startRelay(t, func(r *relay) { r.mechanisms = offered })
		err := r.mailer(t, withPassword).Send(t.Context(), sample("ada@example.com"))
		wantRetryable(t, err, "AUTH: the relay offers none of [PLAIN LOGIN]")
		r.wantNothing(t)
	}
}

// Without TLS, AUTH takes both: plaintext asked for, and credentials given.
func TestAuthInClear(t *testing.T) {
	r := startRelay(t, func(r *relay) {
		r.server.TLSConfig, r.server.AllowInsecureAuth = nil, true
		r.mechanisms = []string{"PLAIN"}
	})
	m := r.mailer(t, func(c *Config, o *Options) {
		c.Security = InsecurePlaintext
		withPassword(c, o)
	})
	if err := m.Send(t.Context(), sample("ada@example.com")); err != nil {
		t.Fatal(err)
	}
	if got := r.delivered(t); got.user != testUser || got.tls {
		t.Errorf("logged in as %q, TLS %v", got.user, got.tls)
	}
}

func TestTokenSource(t *testing.T) {
	r := startRelay(t, func(r *relay) { r.mechanisms = []string{"XOAUTH2"} })
	token, fault := "", errors.New("the issuer is down")
	m := r.mailer(t, func(c *Config, o *Options) {
		c.Username = testUser
		o.Token = func(context.Context) (string, error) { return token, fault }
	})
	if err := m.Send(t.Context(), sample("ada@example.com")); !errors.Is(err, fault) {
		t.Errorf("got %v, want the source's error", err)
	}
	fault = nil
	for _, token = range []string{"", "a\x01auth=Bearer b", "a b", "ä"} {
		wantRetryable(t, m.Send(t.Context(), sample("ada@example.com")), "access token")
	}
	r.wantNothing(t)
}

// A token that makes the AUTH command too long follows it on a line of its own.
func TestLongToken(t *testing.T) {
	var command, response string
	cfg, done := playRelay(t, func(p *peer) {
		p.say("220 relay.test")
		p.line()
		p.say("250-relay.test", "250 AUTH XOAUTH2")
		command = p.line()
		p.say("334 ")
		response = p.line()
		p.say("535 5.7.8 no")
	})
	cfg.Security, cfg.Username, cfg.Password, cfg.Auth = InsecurePlaintext, "ada", kit.Secret(strings.Repeat("t", 2000)), AuthXOAUTH2
	wantRetryable(t, newMailer(t, cfg, &Options{}, nil).Send(t.Context(), sample("ada@example.com")), "AUTH: 535 5.7.8")
	<-done
	want := base64.StdEncoding.EncodeToString([]byte("user=ada\x01auth=Bearer " + string(cfg.Password) + "\x01\x01"))
	if command != "AUTH XOAUTH2" || response != want {
		t.Errorf("the client says %q, and then %d bytes, want %d", command, len(response), len(want))
	}
}

// A relay that repeats the credentials instead of an answer.
func TestNonsenseDuringAUTH(t *testing.T) {
	for _, answer := range []string{"hunter2", "334 hunter2!", "999 hunter2", "535-hunter2\r\n535 hunter2"} {
		cfg, _ := playRelay(t, func(p *peer) {
			p.say("220 relay.test")
			p.line()
			p.say("250-relay.test", "250 AUTH PLAIN")
			p.line()
			p.say(answer)
			p.line()
			p.say("501 5.0.0 given up")
			p.idle()
		})
		cfg.Security, cfg.Username, cfg.Password = InsecurePlaintext, "ada", "hunter2"
		err := newMailer(t, cfg, &Options{}, nil).Send(t.Context(), sample("ada@example.com"))
		if wantRetryable(t, err, "AUTH: "); strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
}
