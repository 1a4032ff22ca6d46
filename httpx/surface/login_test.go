package surface

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"myauth.internal/kit"
)

func TestLogin(t *testing.T) {
	a := newApp(t)
	u := a.register()
	r := a.tryLogin(goodPassword).is(200)
	tk := r.tokens()
	if tk.ExpiresIn != 1800 || tk.RefreshExpiresIn != 604800 || tk.User.ID != u.ID {
		t.Errorf("%d, %d, %s", tk.ExpiresIn, tk.RefreshExpiresIn, tk.User.ID)
	}
	for _, email := range []string{strings.ToUpper(testEmail), strings.ToLower(testEmail)} {
		a.post("/login", "email", email, "password", goodPassword).is(200)
	}
}

func TestLoginForm(t *testing.T) {
	withBodies(t)
	a := newApp(t)
	a.register()
	send := func(kind string, fields ...string) answer {
		form := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			form.Add(fields[i], fields[i+1])
		}
		return a.send("POST", "/login", form.Encode(), "Content-Type: "+kind)
	}
	const kind = "application/x-www-form-urlencoded"
	send(kind, "username", testEmail, "password", goodPassword).is(200)
	send(kind+"; charset=UTF-8", "grant_type", "password", "username", testEmail, "password", goodPassword, "scope", "").is(200)
	wrong := send(kind, "username", testEmail, "password", "x").is(401, "invalid_credentials")
	a.tryLogin("x").same(wrong)
	if r := send(kind, "password", goodPassword); r.status != 422 {
		t.Errorf("without a username: %d", r.status)
	}
	send(kind, "username", testEmail).invalid("password required")
	send(kind, "username", testEmail, "username", testEmail, "password", goodPassword).is(400, "malformed_request")
	a.send("POST", "/login", "username=%zz&password=x", "Content-Type: "+kind).is(400, "malformed_request")
	a.send("POST", "/login", "username=%ff&password=x", "Content-Type: "+kind).is(400, "malformed_request")
	// Not from the query.
	if r := a.send("POST", "/login?username="+url.QueryEscape(testEmail)+"&password="+url.QueryEscape(goodPassword), "", "Content-Type: "+kind); r.status != 422 && r.status != 400 {
		t.Errorf("credentials in the query: %d", r.status)
	}
}

// Nobody can tell from the answer what was wrong.
func TestLoginRefused(t *testing.T) {
	a := newApp(t, func(c *setup) { c.RequireVerifiedEmail = true })
	a.register()
	wrong := a.tryLogin("Wr0ng!Password").is(401, "invalid_credentials")
	if got := wrong.header.Get("Www-Authenticate"); strings.Contains(got, "error=") {
		t.Errorf("WWW-Authenticate is %q", got)
	}
	for _, email := range []string{"nobody@example.com", "not an address", strings.Repeat("x", 300), "ada@example.com\x00"} {
		a.post("/login", "email", email, "password", goodPassword).same(wrong)
	}
	for _, pw := range []string{goodPassword + " ", strings.ToLower(goodPassword), goodPassword + "\x00", strings.Repeat("x", 10000)} {
		a.tryLogin(pw).same(wrong)
	}
	a.tryLogin("").invalid("password required")
	a.post("/login", "email", "", "password", "").invalid("email required", "password required")
	a.tryLogin(goodPassword).is(403, "email_not_verified")
	u, err := a.UserByEmail(context.Background(), testEmail)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.tryLogin("Wr0ng!Password").same(wrong)
	a.tryLogin(goodPassword).is(403, "account_disabled")
	if _, err := a.Activate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.verify(string(a.mail(kit.MailVerification).Token)).is(204)
	a.login()
}

func TestLoginHooks(t *testing.T) {
	a := newApp(t, func(c *setup) {
		c.Hooks.BeforeLogin = func(_ context.Context, u kit.User) error {
			if u.HasRole("panic") {
				panic("a hook's bug with " + u.Email)
			}
			if u.HasRole("closed") {
				return kit.ErrAccountDisabled
			}
			return nil
		}
	})
	u := a.register()
	a.login()
	for role, want := range map[string]struct {
		status int
		code   string
	}{"closed": {403, "account_disabled"}, "panic": {500, "internal_error"}} {
		if _, err := a.SetRoles(context.Background(), u.ID, role); err != nil {
			t.Fatal(err)
		}
		a.tryLogin(goodPassword).is(want.status, want.code)
	}
	if n := strings.Count(a.log.String(), "a hook's bug"); n != 1 {
		t.Errorf("the panic is logged %d times:\n%s", n, a.log)
	}
}
