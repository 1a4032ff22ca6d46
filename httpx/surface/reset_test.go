package surface

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
)

// A reset ends everything that was there before, and starts no session.
func TestPasswordReset(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail(kit.MailVerification)
	tk := a.login()
	one, two := a.resetToken(), a.resetToken()
	if !strings.HasPrefix(one, "myauth_pr_") || one == two {
		t.Errorf("the tokens are %.12s and %.12s", one, two)
	}
	if r := a.reset(one, otherPassword).is(204); r.body != "" {
		t.Errorf("the answer is %q", r.body)
	}
	a.tryLogin(goodPassword).is(401, "invalid_credentials")
	a.refresh(tk.Refresh).is(401, "revoked_token")
	a.me(tk.Access).is(401, "revoked_token")
	a.reset(one, "Th1rd!Passw0rd").is(401, "revoked_token")
	a.reset(two, "Th1rd!Passw0rd").is(401, "revoked_token")
	a.tryLogin(otherPassword).is(200)
	if m := a.mail(kit.MailPasswordChanged); m.To != testEmail || m.Link != "" || m.Token != "" {
		t.Errorf("the note is to %s, with %q", m.To, string(m.Link))
	}
}

// The same answer for every address; the mail goes to the stored spelling.
func TestPasswordResetRequest(t *testing.T) {
	a := newApp(t)
	u := a.register()
	a.mail(kit.MailVerification)
	known := a.post("/password-reset-request", "email", strings.ToUpper(testEmail)).is(202)
	if strings.TrimSpace(known.body) != `{"status":"accepted"}` {
		t.Errorf("got %s", known.body)
	}
	m := a.mail(kit.MailPasswordReset)
	if m.To != testEmail || string(m.Link) != "https://app.example.com/reset-password?token="+string(m.Token) {
		t.Errorf("the mail is to %s, with the link %s", m.To, string(m.Link))
	}
	a.post("/password-reset-request", "email", "nobody@example.com").same(known)
	a.mailer.Fail(context.DeadlineExceeded)
	a.post("/password-reset-request", "email", testEmail).same(known)
	a.mailer.Fail(nil)
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.post("/password-reset-request", "email", testEmail).same(known)
}

func TestPasswordResetRefused(t *testing.T) {
	a := newApp(t)
	u := a.register()
	verification := string(a.mail(kit.MailVerification).Token)
	tk := a.login()
	token := a.resetToken()
	for name, wrong := range map[string]string{
		"garbage": "x", "refresh token": tk.Refresh, "access token": tk.Access, "verification token": verification,
		"refresh token renamed": strings.Replace(tk.Refresh, "_rt_", "_pr_", 1), "cut": token[:len(token)-1], "another case": strings.ToLower(token),
	} {
		if r := a.reset(wrong, otherPassword); r.status != 401 || r.code() != "invalid_token" {
			t.Errorf("%s: %d %s", name, r.status, r.code())
		}
	}
	a.reset("", otherPassword).invalid("token required")
	a.reset("", "short").is(422, "validation_failed")
	a.clock.Advance(15*time.Minute - time.Second)
	a.reset(token, "short").is(422, "validation_failed")
	a.clock.Advance(time.Second)
	a.reset(token, otherPassword).is(401, "expired_token")
	token = a.resetToken()
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.reset(token, otherPassword).is(401, "revoked_token")
}

// Of any number of uses one sets the password.
func TestPasswordResetInParallel(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail(kit.MailVerification)
	token := a.resetToken()
	const callers = 20
	answers := make([]answer, callers)
	password := func(i int) string { return otherPassword + strings.Repeat("x", i) }
	barrier := make(chan struct{})
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			<-barrier
			answers[i] = a.reset(token, password(i))
		})
	}
	close(barrier)
	group.Wait()
	var winners []string
	for i, r := range answers {
		switch {
		case r.status == 204:
			winners = append(winners, password(i))
		case r.code() != "revoked_token" && r.code() != "service_unavailable":
			t.Errorf("%d %s", r.status, r.code())
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%d uses succeeded", len(winners))
	}
	a.tryLogin(winners[0]).is(200)
}

// Whoever registered an address that is not theirs is thrown out by its owner.
func TestPreHijack(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail(kit.MailVerification)
	squatter := a.login()
	a.reset(a.resetToken(), otherPassword).is(204)
	a.me(squatter.Access).is(401, "revoked_token")
	a.refresh(squatter.Refresh).is(401, "revoked_token")
	a.tryLogin(goodPassword).is(401, "invalid_credentials")
}

func TestEmailNotConfigured(t *testing.T) {
	a := newApp(t, func(c *setup) { c.Mailer = nil })
	a.register()
	for _, path := range []string{"/password-reset-request", "/verify-email-request"} {
		known := a.post(path, "email", testEmail).is(501, "email_not_configured")
		a.post(path, "email", "nobody@example.com").same(known)
	}
}
