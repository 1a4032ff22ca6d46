package surface

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

func TestVerifyEmail(t *testing.T) {
	a := newApp(t)
	a.register()
	tk := a.login()
	token := string(a.mail(kit.MailVerification).Token)
	// Following the link of a mail changes nothing: scanners do it.
	for _, method := range []string{"GET", "HEAD"} {
		a.send(method, "/verify-email?token="+url.QueryEscape(token), "")
	}
	if a.me(tk.Access).is(200).user().Verified {
		t.Error("a GET has verified the address")
	}
	first := a.verify(token).is(204)
	a.verify(token).same(first)
	if !a.me(tk.Access).is(200).user().Verified {
		t.Error("the address is not verified")
	}
}

func TestVerifyEmailRequest(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail(kit.MailVerification)
	known := a.post("/verify-email-request", "email", strings.ToUpper(testEmail)).is(202)
	m := a.mail(kit.MailVerification)
	if m.To != testEmail {
		t.Errorf("the mail is to %s", m.To)
	}
	a.post("/verify-email-request", "email", "nobody@example.com").same(known)
	a.verify(string(m.Token)).is(204)
	a.post("/verify-email-request", "email", testEmail).same(known)
}

func TestVerifyEmailRefused(t *testing.T) {
	a := newApp(t)
	u := a.register()
	tk := a.login()
	token := string(a.mail(kit.MailVerification).Token)
	for name, wrong := range map[string]string{
		"garbage": "x", "access token": tk.Access, "refresh token": tk.Refresh, "cut": token[:len(token)-1], "space": token + " ",
		"changed": strings.Replace(token, ".", ".e", 1), "long": strings.Repeat("x", 10000),
	} {
		if r := a.verify(wrong); r.status != 401 || r.code() != "invalid_token" {
			t.Errorf("%s: %d %s", name, r.status, r.code())
		}
	}
	a.verify("").invalid("token required")
	// It is good for nothing else.
	a.me(token).is(401, "invalid_token")
	a.refresh(token).is(401, "invalid_token")

	a.clock.Advance(24 * time.Hour)
	a.verify(token).is(401, "expired_token")
	a.post("/verify-email-request", "email", testEmail).is(202)
	token = string(a.mail(kit.MailVerification).Token)
	if err := a.DeleteUser(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.verify(token).is(404, "user_not_found")
}

// After a change of address the token of the old one is refused.
func TestVerifyEmailIsBoundToTheAddress(t *testing.T) {
	a := newApp(t)
	u := a.register()
	token := string(a.mail(kit.MailVerification).Token)
	if _, err := a.ChangeEmail(context.Background(), u.ID, "lovelace@example.com"); err != nil {
		t.Fatal(err)
	}
	a.verify(token).is(401, "invalid_token")
	verification, notice := a.next(), a.next()
	if verification.Kind != kit.MailVerification {
		verification, notice = notice, verification
	}
	if notice.Kind != kit.MailEmailChanged || notice.To != testEmail {
		t.Errorf("the old address hears %s, %s", notice.Kind, notice.To)
	}
	a.verify(string(verification.Token)).is(204)
}

// It reactivates no account.
func TestVerifyEmailOfDisabledAccount(t *testing.T) {
	a := newApp(t)
	u := a.register()
	token := string(a.mail(kit.MailVerification).Token)
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.verify(token)
	a.tryLogin(goodPassword).is(403, "account_disabled")
}

// The owner of an address deletes the account that a stranger made with it.
func TestDenyEmail(t *testing.T) {
	a := newApp(t)
	a.register() // by a stranger
	stranger := a.login()
	token := string(a.mail(kit.MailVerification).Token)
	deny := func(token string) answer { return a.post("/verify-email/deny", "token", token) }
	for _, method := range []string{"GET", "HEAD"} {
		a.send(method, "/verify-email/deny?token="+url.QueryEscape(token), "")
	}
	a.me(stranger.Access).is(200)
	deny("").invalid("token required")
	for name, wrong := range map[string]string{"garbage": "x", "access token": stranger.Access, "cut": token[:len(token)-1]} {
		if r := deny(wrong); r.status != 401 || r.code() != "invalid_token" {
			t.Errorf("%s: %d %s", name, r.status, r.code())
		}
	}
	deny(token).is(204)
	a.me(stranger.Access).is(401, "revoked_token")
	a.refresh(stranger.Refresh).is(401, "invalid_token")
	a.tryLogin(goodPassword).is(401, "invalid_credentials")
	deny(token).is(404, "user_not_found")

	a.register() // by the owner
	token = string(a.mail(kit.MailVerification).Token)
	a.verify(token).is(204)
	deny(token).is(401, "revoked_token")
	a.login()
	a.clock.Advance(24 * time.Hour)
	deny(token).is(401, "expired_token")
}
