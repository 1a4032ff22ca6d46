package surface

import "testing"

// Logout ends its own session, and may be repeated.
func TestLogout(t *testing.T) {
	a := newApp(t)
	a.register()
	other := a.login()
	tk := a.login()
	first := a.logout(tk.Refresh).is(204)
	a.refresh(tk.Refresh).is(401, "revoked_token")
	a.logout(tk.Refresh).is(204)
	a.refresh(other.Refresh).is(200)
	if !inCookieMode() {
		a.logout("").invalid("refresh_token required")
	}
	for _, token := range []string{"x", other.Access, "myauth_rt_", "myauth_rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		a.logout(token).same(first)
	}
}

// A token that was replaced ends the session as well.
func TestLogoutWithReplacedToken(t *testing.T) {
	a := newApp(t)
	a.register()
	first := a.login().Refresh
	second := a.refresh(first).is(200).tokens().Refresh
	a.logout(first).is(204)
	a.refresh(second).is(401, "revoked_token")
}
