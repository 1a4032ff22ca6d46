package surface

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
)

// as sends a request with a body and an access token.
func (a *app) as(access, route, body string) answer {
	a.t.Helper()
	return a.route(route, body, "Authorization: Bearer "+access)
}

func (a *app) reauthenticate(access, password string) answer {
	a.t.Helper()
	return a.as(access, "POST /reauthenticate", object("password", password))
}

func (a *app) changePassword(access, current, password string) answer {
	a.t.Helper()
	return a.as(access, "POST /password-change", object("current_password", current, "new_password", password))
}

// changeToken asks for another address, and returns the token that is mailed to it.
func (a *app) changeToken(access, email string) string {
	a.t.Helper()
	a.clock.Advance(time.Millisecond) // the newest link is good, and they sort by age
	a.as(access, "POST /email-change", object("new_email", email)).is(202)
	var token kit.Secret
	notice := false
	for range 2 {
		switch m := a.next(); m.Kind {
		case kit.MailEmailChangeRequested:
			notice = true
			if m.To == email || m.Token != "" || m.Link != "" {
				a.t.Errorf("the notice is %s to %s", m.Kind, m.To)
			}
		case kit.MailEmailChange:
			token = m.Token
			if m.To != email || string(m.Link) != "https://app.example.com/change-email?token="+string(token) {
				a.t.Errorf("the link is for %s", m.To)
			}
		}
	}
	if token == "" || !notice {
		a.t.Fatal("a request for another address was not followed by both mails")
	}
	return string(token)
}

func (a *app) confirm(token string) answer {
	a.t.Helper()
	return a.post("/email-change/confirm", "token", token)
}

// accessToken wants an answer with exactly a new access token.
func (r answer) accessToken() string {
	r.t.Helper()
	access := r.is(200).tokens().Access
	if want := fmt.Sprintf(`{"access_token":%q,"token_type":"bearer","expires_in":1800}`, access); r.body != want {
		r.t.Errorf("got %s, want %s", r.body, want)
	}
	return access
}

// wrongPassword wants the refusal of a password that is about neither the address nor the token.
func (r answer) wrongPassword() {
	r.t.Helper()
	r.is(401, "invalid_credentials")
	if got := r.header.Get("Www-Authenticate"); got != `Bearer realm="MyAuth"` || !strings.Contains(r.body, `"The current password is wrong."`) {
		r.t.Errorf("%s: WWW-Authenticate is %s\n%s", r.what, got, r.body)
	}
}

func TestProfile(t *testing.T) {
	a := newApp(t)
	a.register()
	access := a.login().Access
	patch := func(body string) answer { return a.as(access, "PATCH /me", body) }
	before := a.me(access).is(200)

	a.clock.Advance(time.Second)
	for _, body := range []string{"{}", `{"username":"Ada"}`, `{"roles":["admin"],"is_verified":true,"email":"x@example.com","id":"1","Username":"x"}`} {
		if r := patch(body).is(200); r.body != before.body {
			t.Errorf("%s: got %s, want %s", body, r.body, before.body)
		}
	}
	for _, tc := range []struct{ body, username, settings string }{
		{`{"username":" Ada L. "}`, "Ada L.", "{}"},
		{`{"user_settings":{"a":{"b":1.50}}}`, "Ada L.", `{"a":{"b":1.50}}`},
		{`{"username":"Countess","user_settings":{}}`, "Countess", `{}`},
	} {
		r := patch(tc.body).is(200)
		if u := r.user(); u.Username != tc.username || string(u.Settings) != tc.settings {
			t.Errorf("%s: got %s", tc.body, r.body)
		}
		if got := a.me(access).body; got != r.body {
			t.Errorf("%s: answered %s, and is %s", tc.body, r.body, got)
		}
	}
	deep := `{"a":` + strings.Repeat("[", 17) + strings.Repeat("]", 17) + "}"
	patch(`{"username":"","user_settings":`+deep+`}`).invalid("username too_short", "user_settings too_long")
	patch(`{"username":1,"user_settings":`+deep+`}`).invalid("username invalid_type", "user_settings too_long")
	patch(`{"username":"`+strings.Repeat("x", 65)+`","user_settings":null}`).invalid("username too_long", "user_settings invalid_type")
	patch(`{"username":"a\u0007b"}`).invalid("username invalid_characters")
	if u := a.me(access).user(); u.Username != "Countess" || string(u.Settings) != "{}" {
		t.Errorf("a refused change changed the account: %+v", u)
	}
}

// Nothing of a deleted account works, and its address is free.
func TestDeleteAccount(t *testing.T) {
	a := newApp(t)
	a.register()
	verification := string(a.mail(kit.MailVerification).Token)
	mine, other := a.login(), a.login()
	access := mine.Access
	if featured() {
		a.verify(verification).is(204)
		access = a.enroll(access)
	}
	reset, change := a.resetToken(), a.changeToken(access, "other@example.com")
	a.as(access, "DELETE /me", "").is(204)

	a.each(access, 401, "revoked_token")
	a.me(other.Access).is(401, "revoked_token")
	for _, tk := range []tokens{mine, other} {
		a.refresh(tk.Refresh).is(401, "invalid_token")
	}
	a.reset(reset, otherPassword).is(401, "invalid_token")
	a.confirm(change).is(401, "invalid_token")
	a.tryLogin(goodPassword).is(401, "invalid_credentials")
	a.register()
	a.login() // no second factor
	a.me(access).is(401, "revoked_token")
}

// Whatever else has become of it, the account is gone when a request says so.
func TestDeleteAccountInParallel(t *testing.T) {
	a := newApp(t)
	a.register()
	access := a.login().Access
	answers := atOnce(func(int) answer { return a.as(access, "DELETE /me", "") })
	done := 0
	for _, r := range answers {
		switch r.status {
		case 204:
			done++
		case 403: // the first write deactivates
			r.is(403, "account_disabled")
		case 503: // the others were always quicker
			r.is(503, "service_unavailable")
		default:
			r.is(401, "revoked_token")
		}
	}
	if done == 0 {
		t.Error("nobody was told that the account is gone")
	}
	a.tryLogin(goodPassword).is(401, "invalid_credentials")
}

// atOnce makes 16 requests that begin together.
func atOnce(request func(i int) answer) []answer {
	answers := make([]answer, 16)
	begin := make(chan struct{})
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			<-begin
			answers[i] = request(i)
		})
	}
	close(begin)
	group.Wait()
	return answers
}

// ownSessionLives wants a request that ended all sessions but one to have done so.
func (a *app) ownSessionLives(r answer, mine, other tokens) {
	a.t.Helper()
	access := r.accessToken()
	a.me(mine.Access).is(401, "revoked_token") // of before
	a.me(access).is(200)
	a.refresh(mine.Refresh).is(200)
	a.me(other.Access).is(401, "revoked_token")
	a.refresh(other.Refresh).is(401, "revoked_token")
}

func TestChangePassword(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail(kit.MailVerification)
	mine, other := a.login(), a.login()
	reset := a.resetToken()
	a.changePassword(mine.Access, "wrong", otherPassword).wrongPassword()
	a.changePassword(mine.Access, goodPassword, "short").invalid(
		"new_password too_short", "new_password missing_uppercase", "new_password missing_digit", "new_password missing_special")
	a.changePassword(mine.Access, goodPassword, "P4ssword!").invalid("new_password common_password")
	a.me(other.Access).is(200)

	a.ownSessionLives(a.changePassword(mine.Access, goodPassword, otherPassword), mine, other)
	a.mail(kit.MailPasswordChanged)
	a.reset(reset, goodPassword).is(401, "revoked_token")
	a.tryLogin(goodPassword).is(401, "invalid_credentials")
	a.tryLogin(otherPassword).is(200)
}

// The access token that is left of a session that was logged out changes nothing.
func TestChangesAfterLogout(t *testing.T) {
	a := newApp(t)
	a.register()
	tk := a.login()
	a.logout(tk.Refresh).is(204)
	for _, r := range []answer{
		a.changePassword(tk.Access, goodPassword, otherPassword), a.reauthenticate(tk.Access, goodPassword),
		a.as(tk.Access, "POST /email-change", object("new_email", "x@example.com")), a.as(tk.Access, "POST /sessions/revoke-others", ""),
	} {
		if got := r.is(401, "revoked_token").header.Get("Www-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
			t.Errorf("%s: the Bearer token is refused, and WWW-Authenticate says %s", r.what, got)
		}
	}
	a.login()
}

func TestEmailChange(t *testing.T) {
	a := newApp(t)
	access := a.tokenOf("ada@example.com")
	a.tokenOf("taken@example.com")
	a.as(access, "POST /email-change", object("new_email", "no address")).invalid("new_email invalid_email")

	// The answer for a taken address is the same, and the link says it.
	free := a.as(access, "POST /email-change", object("new_email", "free@example.com")).is(202)
	a.next()
	a.next()
	a.as(access, "POST /email-change", object("new_email", "taken@example.com")).same(free)
	a.next()
	a.next()
	a.confirm(a.changeToken(access, "taken@example.com")).is(409, "user_already_exists")

	older := a.changeToken(access, "new@example.com")
	token := a.changeToken(access, "New@example.com")
	if u := a.me(access).is(200).user(); u.Email != "ada@example.com" {
		t.Errorf("the address was changed before the link was used: %+v", u)
	}
	a.confirm(older).is(401, "revoked_token")
	a.confirm("x").is(401, "invalid_token")
	a.confirm(token).is(204)
	if m := a.mail(kit.MailEmailChanged); m.To != "ada@example.com" {
		t.Errorf("the notice went to %s", m.To)
	}
	a.me(access).is(401, "revoked_token")
	a.confirm(token).is(401, "revoked_token")
	a.post("/login", "email", "ada@example.com", "password", goodPassword).is(401, "invalid_credentials")
	u := a.post("/login", "email", "new@example.com", "password", goodPassword).is(200).tokens().User
	if u.Email != "New@example.com" || !u.Verified {
		t.Errorf("got %+v", u)
	}
}

// A change of address ends with a reset, a change of password, and its time.
func TestEmailChangeVoided(t *testing.T) {
	a := newApp(t)
	access := a.tokenOf("ada@example.com")
	token := a.changeToken(access, "new@example.com")
	access = a.changePassword(access, goodPassword, otherPassword).accessToken()
	a.mail(kit.MailPasswordChanged)
	a.confirm(token).is(401, "revoked_token")

	token = a.changeToken(access, "new@example.com")
	a.post("/password-reset-request", "email", "ada@example.com").is(202)
	a.reset(string(a.mail(kit.MailPasswordReset).Token), goodPassword).is(204)
	a.mail(kit.MailPasswordChanged)
	a.confirm(token).is(401, "revoked_token")

	access = a.post("/login", "email", "ada@example.com", "password", goodPassword).is(200).tokens().Access
	token = a.changeToken(access, "new@example.com")
	a.clock.Advance(24 * time.Hour)
	a.confirm(token).is(401, "expired_token")
}

// Of two users who ask for one address, one gets it.
func TestEmailChangeRace(t *testing.T) {
	a := newApp(t)
	var tokens []string
	for i := range 2 {
		tokens = append(tokens, a.changeToken(a.tokenOf(fmt.Sprintf("user%d@example.com", i)), "wanted@example.com"))
	}
	answers := atOnce(func(i int) answer { return a.confirm(tokens[i%2]) })
	won := map[int]int{}
	for i, r := range answers {
		switch r.status {
		case 204:
			won[i%2]++
		case 401:
			r.is(401, "revoked_token")
		case 503: // the others were always quicker
			r.is(503, "service_unavailable")
		default:
			r.is(409, "user_already_exists")
		}
	}
	if len(won) != 1 || won[0]+won[1] != 1 {
		t.Fatalf("the address was given away %v times", won)
	}
	for i := range 2 {
		if won[i] == 0 {
			a.confirm(tokens[i]).is(409, "user_already_exists")
		}
	}
}

func TestEmailChangeWithoutMailer(t *testing.T) {
	a := newApp(t, func(c *setup) { c.Mailer = nil })
	a.register()
	a.as(a.login().Access, "POST /email-change", object("new_email", "x@example.com")).is(501, "email_not_configured")
}

// The re-authentication of a session goes by the rules of a login.
func TestReauthenticate(t *testing.T) {
	var refusal error
	a := newApp(t, func(c *setup) { c.Hooks.BeforeLogin = func(context.Context, kit.User) error { return refusal } })
	a.register()
	tk := a.login()
	a.reauthenticate(tk.Access, "wrong").wrongPassword()
	a.as(tk.Access, "POST /reauthenticate", object("mfa_token", "x")).invalid("method required")
	a.as(tk.Access, "POST /reauthenticate", object("mfa_token", 1)).invalid("mfa_token invalid_type")
	a.as(tk.Access, "POST /reauthenticate", object("mfa_token", "x", "method", "pin")).is(401, "invalid_token")
	refusal = kit.ErrEmailNotVerified
	a.reauthenticate(tk.Access, goodPassword).is(403, "email_not_verified")
	refusal = nil
	a.clock.Advance(time.Minute)
	access := a.reauthenticate(tk.Access, goodPassword).accessToken()
	old, renewed := decodePart(t, tk.Access, 1), decodePart(t, access, 1)
	if old["sid"] != renewed["sid"] || old["auth_time"] != float64(start.Unix()) || renewed["auth_time"] != float64(start.Add(time.Minute).Unix()) {
		t.Errorf("the claims were %v and are %v", old, renewed)
	}
	a.me(tk.Access).is(200)
	if got := decodePart(t, a.refresh(tk.Refresh).is(200).tokens().Access, 1)["auth_time"]; got != renewed["auth_time"] {
		t.Errorf("after a refresh auth_time is %v", got)
	}
	a.logout(tk.Refresh).is(204)
	a.reauthenticate(access, goodPassword).is(401, "revoked_token")
}
