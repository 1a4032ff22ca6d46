package surface

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// GET /auth/me answers exactly the listed fields.
func TestMe(t *testing.T) {
	a := newApp(t)
	u := a.register()
	if _, err := a.SetRoles(context.Background(), u.ID, "b", "a"); err != nil {
		t.Fatal(err)
	}
	tk := a.login()
	r := a.me(tk.Access).is(200)
	stored, err := a.UserByID(context.Background(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"id":%q,"email":"Ada@Example.com","username":"Ada","roles":["b","a"],"user_settings":{},`+
		`"is_verified":false,"is_active":true,"created_at":"2026-11-23T12:00:00.000000Z","updated_at":%q}`, u.ID, stored.UpdatedAt.Format("2006-01-02T15:04:05.000000Z"))
	if strings.TrimSpace(r.body) != want {
		t.Errorf("got\n%s\nwant\n%s", r.body, want)
	}
	for _, scheme := range []string{"bearer", "BEARER", "bEaReR"} {
		a.send("GET", "/me", "", "Authorization: "+scheme+" "+tk.Access).is(200)
	}
}

// The token comes from the Authorization header and from nowhere else.
func TestMeWithoutToken(t *testing.T) {
	a := newApp(t)
	a.register()
	tk := a.login()
	for _, path := range []string{"/me", "/me?access_token=" + tk.Access, "/me?token=" + tk.Access} {
		r := a.send("GET", path, "", "Cookie: access_token="+tk.Access, "X-Access-Token: "+tk.Access).is(401, "missing_token")
		if got := r.header.Get("Www-Authenticate"); !strings.HasPrefix(got, `Bearer realm="`) || strings.Contains(got, "error") {
			t.Errorf("WWW-Authenticate is %q", got)
		}
	}
	for _, headers := range [][]string{
		{"Authorization: Bearer " + tk.Access, "Authorization: Bearer " + tk.Access},
		{"Authorization: Bearer " + tk.Access, "Authorization: Basic eDp5"},
	} {
		a.send("GET", "/me", "", headers...).is(400, "malformed_request")
	}
}

func TestMeRefused(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail("verification")
	tk := a.login()
	parts := strings.Split(tk.Access, ".")
	for name, token := range map[string]string{
		"garbage": "x", "refresh token": tk.Refresh, "reset token": a.resetToken(), "no signature": parts[0] + "." + parts[1] + ".",
		"two parts": parts[0] + "." + parts[1], "four parts": tk.Access + ".x", "padded": tk.Access + "=", "over 8 KiB": tk.Access + strings.Repeat("A", 8<<10),
		"alg none": "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".", "another payload": parts[0] + ".e30." + parts[2],
		"a comma and a second one": tk.Access + "," + tk.Access, "a space and a second one": tk.Access + " " + tk.Access,
	} {
		r := a.me(token)
		if r.status != 401 || r.code() != "invalid_token" || !strings.Contains(r.header.Get("Www-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %d %s, WWW-Authenticate %q", name, r.status, r.code(), r.header.Get("Www-Authenticate"))
		}
	}
	a.clock.Advance(30*time.Minute - time.Second)
	a.me(tk.Access).is(200)
	a.clock.Advance(time.Second)
	r := a.me(tk.Access).is(401, "expired_token")
	if got := r.header.Get("Www-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
		t.Errorf("WWW-Authenticate is %q", got)
	}
}

func TestMeOfDisabledAccount(t *testing.T) {
	a := newApp(t)
	u := a.register()
	tk := a.login()
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.me(tk.Access).is(403, "account_disabled")
	if _, err := a.Activate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.me(tk.Access).is(401, "revoked_token")
	a.me(a.login().Access).is(200)
}
