package mailx

import (
	"strings"
	"testing"

	"myauth.internal/kit"
)

// TestCheck: it goes through TLS and AUTH as a mail does, and begins no mail.
func TestCheck(t *testing.T) {
	login := func(password kit.Secret) func(*Config, *Options) {
		return func(c *Config, _ *Options) { c.Username, c.Password = testUser, password }
	}
	r := startRelay(t, func(r *relay) { r.mechanisms = []string{"PLAIN"} })
	if err := r.mailer(t, login(testPassword)).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if !r.saw("AUTH PLAIN") || r.saw("MAIL") {
		t.Errorf("the relay has seen %q, want AUTH and no MAIL", r.events)
	}
	wantRetryable(t, r.mailer(t, login("another")).Check(t.Context()), stageAuth)

	plaintext := startRelay(t, func(r *relay) { r.server.TLSConfig = nil })
	wantRetryable(t, plaintext.mailer(t, nil).Check(t.Context()), "STARTTLS")
	plaintext.server.Close()
	if err := plaintext.mailer(t, nil).Check(t.Context()); err == nil || !strings.Contains(err.Error(), stageConnect) {
		t.Errorf("a relay that is down: %v", err)
	}
}
