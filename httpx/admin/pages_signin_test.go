package admin_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/totp"
)

// TestPagesSignIn: who is signed out gets where they wanted to go, and nowhere else.
func TestPagesSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, func(o *kit.Options) { o.InsecureUnlimited = false })
	b := s.browser()
	b.get(below + "/users/" + s.bob.ID + "/delete")
	b.want(200, "Sign in")
	b.press("Sign in", "email", "ada@example.com", "password", "wrong")
	b.want(401, "Sign in", "The email address or the password is wrong.")
	if _, form := b.form("Sign in"); form.Get("email") != "ada@example.com" || form.Get("password") != "" || strings.Contains(b.page, "wrong\"") {
		t.Errorf("the form has %v", form)
	}
	b.press("Sign in", "email", "", "password", "")
	b.want(422, "Sign in")
	b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
	b.want(200, "Delete the account", "bob@example.com")

	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/users/../../../evil", "/%2e%2e/evil", "javascript:x", "/a//b"} {
		b := s.browser()
		b.get(below + "/sign-in?next=" + url.QueryEscape(next))
		b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
		if b.want(200, "Accounts"); b.at != below+"/" {
			t.Errorf("next=%s leads to %s", next, b.at)
		}
	}
	b = s.browser()
	b.get(below + "/sign-in")
	for i := 0; b.status != 429; i++ {
		if i > 200 {
			t.Fatal("guessing has no end")
		}
		b.press("Sign in", "email", "carol@example.com", "password", "wrong"+strings.Repeat("x", i))
	}
	b.want(429, "Sign in", "Too many attempts. Wait")
	if _, form := b.form("Sign in"); form.Get("email") != "carol@example.com" || b.header.Get("Retry-After") == "" {
		t.Errorf("the form has %v", form)
	}
	s.Faults.Inject("*", kittest.Down, -1)
	b = s.browser()
	b.get(below + "/sign-in")
	b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
	b.want(503, "Sign in", "We can’t do this right now")
	s.Faults.Clear()
}

// TestPagesConfirm: a login that is too old is confirmed, and then it goes on: to the page that
// was wanted, and for a form to the form, as it was typed.
func TestPagesConfirm(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signedIn()
	bob := below + "/users/" + s.bob.ID
	s.Clock.Advance(11 * time.Minute)
	b.get(below + "/?email=bob")
	b.want(200, "Confirm it’s you")
	b.press("Continue", "password", "wrong")
	b.want(401, "Confirm it’s you", "This is not your password.")
	b.press("Continue", "password", kittest.Password)
	b.want(200, "Accounts", "bob@example.com")
	if b.at != below+"/?email=bob" {
		t.Errorf("it goes on at %s", b.at)
	}

	b.get(bob)
	s.acts()
	s.Clock.Advance(11 * time.Minute)
	b.press("Save", "username", "Robert & Co", "roles", "writer", "-keep", "0")
	b.want(401, "Confirm it’s you", "Nothing has been changed yet")
	b.press("Continue", "password", kittest.Password)
	b.want(200, "Account", "Nothing has been changed yet", "bob@example.com")
	if _, form := b.form("Save"); form.Get("username") != "Robert & Co" || form.Get("roles") != "writer" || form.Has("keep") {
		t.Errorf("the form has %v", form)
	}
	if got := s.acts(); len(got) > 0 {
		t.Errorf("the refused form made %v", got)
	}
	b.press("Save")
	b.want(200, "Account", "Saved.", "Robert & Co")

	b.get(bob + "/disable")
	s.Clock.Advance(11 * time.Minute)
	b.press("Disable the account")
	b.want(200, "Confirm it’s you")
	b.press("Continue", "password", kittest.Password)
	b.want(200, "Disable the account", "bob@example.com")
	b.press("Disable the account")
	b.want(200, "Account", "is disabled")

	// The session ends while a form is open.
	b.get(bob)
	if err := s.EndAllSessions(t.Context(), s.ada.ID); err != nil {
		t.Fatal(err)
	}
	b.press("Save", "username", "Bobby")
	b.want(401, "Sign in", "Nothing has been changed yet")
	b.press("Sign in", "email", "ada@example.com", "password", "wrong")
	b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
	b.want(200, "Account", "Nothing has been changed yet")
	b.press("Save")
	b.want(200, "Account", "Saved.", "Bobby")

	// And while the login is confirmed.
	s.Clock.Advance(11 * time.Minute)
	b.get(bob)
	b.want(200, "Confirm it’s you")
	if err := s.EndAllSessions(t.Context(), s.ada.ID); err != nil {
		t.Fatal(err)
	}
	b.press("Continue", "password", kittest.Password)
	b.want(200, "Sign in")
	if strings.Contains(b.page, kittest.Password) {
		t.Error("the page has the password")
	}
	b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
	if b.want(200, "Account"); b.at != bob {
		t.Errorf("it goes on at %s", b.at)
	}
}

// TestPagesFactor: with a second factor, a code of the app or a recovery code is asked for.
func TestPagesFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	secret, codes := s.enroll()
	b := s.browser()
	b.get(below + "/users/" + s.bob.ID)
	b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
	b.want(200, "Two-step verification", "the authenticator app", "the list of recovery codes")
	half := b.page
	b.get(below + "/")
	b.want(200, "Sign in") // half a login is none
	b.page, b.at = half, below+"/sign-in"
	b.press("Continue", "method", "recovery_code", "code", "000000")
	b.want(401, "Two-step verification", "This code is wrong")
	if _, form := b.form("Continue"); form.Get("method") != "recovery_code" || form.Get("code") != "" {
		t.Errorf("the form has %v", form)
	}
	b.press("Continue", "method", "totp", "code", " "+s.code(secret)+" ")
	b.want(200, "Account", "bob@example.com")

	s.Clock.Advance(11 * time.Minute)
	b.press("Save", "username", "Robert")
	b.want(401, "Confirm it’s you")
	b.press("Continue", "password", kittest.Password)
	b.want(200, "Two-step verification")
	s.Clock.Advance(11 * time.Minute)
	b.press("Continue", "code", s.code(secret))
	b.want(401, "Confirm it’s you", "That took too long")
	b.press("Continue", "password", kittest.Password)
	b.press("Continue", "method", "recovery_code", "code", codes[0])
	b.want(200, "Account", "Nothing has been changed yet")
	b.press("Save")
	b.want(200, "Account", "Saved.", "Robert")
	if got := strings.Join(s.acts(), ", "); got != "user_renamed ada bob" {
		t.Errorf("the events are %s", got)
	}
}

// enroll gives Ada an authenticator app.
func (s *site) enroll() (secret string, codes []string) {
	s.t.Helper()
	ctx := s.t.Context()
	_, tokens := s.LogIn("ada@example.com")
	_, claims, err := s.Authenticate(ctx, string(tokens.AccessToken))
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := s.EnrollFactor(ctx, claims, "totp", kit.Body{})
	if err != nil {
		s.t.Fatal(err)
	}
	var shown struct{ Secret, State string }
	text, err := json.Marshal(p.Show)
	if err == nil {
		err = json.Unmarshal(text, &shown)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{"code": s.code(shown.Secret)})
	if err != nil {
		s.t.Fatal(err)
	}
	enrolled, err := s.ConfirmFactor(ctx, claims, "totp", shown.State, kit.Body{JSON: body})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, code := range enrolled.RecoveryCodes {
		codes = append(codes, string(code))
	}
	s.Clock.Advance(time.Minute)
	return shown.Secret, codes
}

func (s *site) code(secret string) string {
	s.t.Helper()
	code, err := totp.Code(secret, s.Clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return code
}

// TestPagesOfAnApplication: the application's own sign-in comes back to the page.
func TestPagesOfAnApplication(t *testing.T) {
	t.Parallel()
	s := newSite(t, &admin.PagesOptions{ProductName: "Shop", SignIn: "/sign-in", Confirm: "/confirm"})
	b := s.browser()
	b.get(below + "/users/" + s.bob.ID + "?done=saved")
	want := "/sign-in?next=" + url.QueryEscape(below+"/users/"+s.bob.ID+"?done=saved")
	if got := b.header.Get("Location"); b.status != 303 || got != want {
		t.Errorf("got %d %s, want %s", b.status, got, want)
	}
	b.send("POST", below+"/users/"+s.bob.ID+"/disable", url.Values{})
	if got := b.header.Get("Location"); b.status != 303 || got != "/sign-in?next="+url.QueryEscape(below+"/users/"+s.bob.ID+"/disable") {
		t.Errorf("got %d %s", b.status, got)
	}
	b.get(below + "/sign-in")
	b.want(404, "Not found")
	b.at = below + "/"
	b.send("POST", "sign-out", url.Values{})
	if got := b.header.Get("Location"); b.status != 303 || got != "/sign-in" {
		t.Errorf("got %d %s", b.status, got)
	}
	_, tokens := s.LogIn("ada@example.com")
	b.cookies["__Host-myauth_at"] = string(tokens.AccessToken)
	b.cookies["__Host-myauth_rt"] = string(tokens.RefreshToken)
	b.get(below + "/users/" + s.bob.ID)
	if b.want(200, "Account"); !strings.Contains(b.page, "– Shop</title>") {
		t.Error("the page does not name the product")
	}
	s.Clock.Advance(11 * time.Minute)
	form := b.page
	b.get(b.at)
	if got := b.header.Get("Location"); b.status != 303 || got != "/confirm?next="+url.QueryEscape(below+"/users/"+s.bob.ID) {
		t.Errorf("got %d %s", b.status, got)
	}
	b.page = form
	b.press("Save", "username", "Robert")
	b.want(401, "Confirm it’s you")
	b.press("Continue", "password", kittest.Password)
	b.want(200, "Account")
	if _, form := b.form("Save"); form.Get("username") != "Robert" {
		t.Errorf("the form has %v", form)
	}
}
