package surface

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRefresh(t *testing.T) {
	a := newApp(t)
	u := a.register()
	first := a.login()
	a.clock.Advance(time.Hour)
	r := a.refresh(first.Refresh).is(200)
	second := r.tokens()
	if second.Refresh == first.Refresh || second.Access == first.Access || second.User.ID != u.ID ||
		second.ExpiresIn != 1800 || second.RefreshExpiresIn != 604800 {
		t.Errorf("%+v", second)
	}
	a.me(second.Access).is(200)
	a.clock.Advance(11 * time.Second)
	if third := a.refresh(second.Refresh).is(200).tokens(); third.Refresh == second.Refresh {
		t.Error("the refresh token was not replaced")
	}
}

// The direct parent, within the grace, gets the same successor any number of
// times, the successor gets itself, and the session lives on.
func TestRefreshGrace(t *testing.T) {
	a := newApp(t)
	a.register()
	first := a.login().Refresh
	second := a.refresh(first).is(200).tokens().Refresh
	for range 3 {
		a.clock.Advance(3 * time.Second)
		if again := a.refresh(first).is(200).tokens(); again.Refresh != second {
			t.Fatal("the parent got another successor")
		} else {
			a.me(again.Access).is(200)
		}
	}
	again := a.refresh(second).is(200).tokens()
	if again.Refresh != second || again.RefreshExpiresIn != 604800-9 || again.ExpiresIn != 1800 {
		t.Errorf("the successor after 9 s of 10: %+v", again)
	}
	a.me(again.Access).is(200)
}

// The parent after the grace, and anything older at any time, is a reuse: the
// session dies.
func TestRefreshReuse(t *testing.T) {
	for name, wait := range map[string]time.Duration{"parent after the grace": 11 * time.Second, "grandparent": 0} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			a.register()
			bystander := a.login().Refresh
			first := a.login().Refresh
			latest := a.refresh(first).is(200).tokens().Refresh
			if wait == 0 {
				a.clock.Advance(11 * time.Second)
				latest = a.refresh(latest).is(200).tokens().Refresh
			}
			a.clock.Advance(wait)
			a.refresh(first).is(401, "revoked_token")
			a.refresh(latest).is(401, "revoked_token")
			a.refresh(bystander).is(200)
		})
	}
}

func TestRefreshInParallel(t *testing.T) {
	run := func(t *testing.T, a *app) (succeeded int, successors map[string]bool) {
		a.register()
		for range 3 {
			token := a.login().Refresh
			const callers = 50
			answers := make([]answer, callers)
			barrier := make(chan struct{})
			var group sync.WaitGroup
			for i := range callers {
				group.Go(func() {
					<-barrier
					answers[i] = a.refresh(token)
				})
			}
			close(barrier)
			group.Wait()
			succeeded, successors = 0, map[string]bool{}
			for _, r := range answers {
				switch {
				case r.status == 200:
					succeeded++
					successors[r.tokens().Refresh] = true
				case r.status != 401 || r.code() != "revoked_token":
					t.Errorf("%d %s", r.status, r.code())
				}
			}
		}
		return succeeded, successors
	}
	t.Run("grace", func(t *testing.T) {
		a := newApp(t)
		succeeded, successors := run(t, a)
		if succeeded != 50 || len(successors) != 1 {
			t.Errorf("%d of 50 succeeded, with %d successors", succeeded, len(successors))
		}
		for token := range successors {
			a.refresh(token).is(200)
		}
	})
	t.Run("no grace", func(t *testing.T) {
		withBodies(t)
		a := newApp(t, func(c *setup) { c.RefreshGrace = -1 })
		if succeeded, _ := run(t, a); succeeded != 1 {
			t.Errorf("%d of 50 succeeded", succeeded)
		}
	})
}

func TestRefreshRefused(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail("verification")
	tk := a.login()
	reset := a.resetToken()
	flip := func(i int) string {
		b := []byte(tk.Refresh)
		if b[i]++; b[i] == 'z'+1 || b[i] == 'Z'+1 || b[i] == '9'+1 {
			b[i] = 'A'
		}
		return string(b)
	}
	for name, token := range map[string]string{
		"garbage": "x", "access token": tk.Access, "reset token": reset, "reset token renamed": strings.Replace(reset, "_pr_", "_rt_", 1),
		"changed in the id": flip(12), "changed in the secret": flip(40), "changed at the end": flip(len(tk.Refresh) - 1),
		"cut": tk.Refresh[:len(tk.Refresh)-1], "padded": tk.Refresh + "=", "another case": strings.ToUpper(tk.Refresh), "space": " " + tk.Refresh,
		"newline": tk.Refresh + "\n", "long": tk.Refresh + strings.Repeat("A", 10000),
	} {
		if inCookieMode() && !cookieValue(token) {
			continue
		}
		if r := a.refresh(token); r.status != 401 || r.code() != "invalid_token" {
			t.Errorf("%s: %d %s", name, r.status, r.code())
		}
	}
	if !inCookieMode() {
		a.refresh("").invalid("refresh_token required")
	}
	a.refresh(tk.Refresh).is(200)
}

func TestRefreshExpires(t *testing.T) {
	a := newApp(t)
	a.register()
	token := a.login().Refresh
	a.clock.Advance(7*24*time.Hour - time.Second)
	next := a.refresh(token).is(200).tokens().Refresh
	a.clock.Advance(7 * 24 * time.Hour)
	a.refresh(next).is(401, "expired_token")
}

// Rotation never extends a session over its absolute lifetime.
func TestSessionMaxAge(t *testing.T) {
	a := newApp(t)
	a.register()
	tk := a.login()
	for day := 6; day <= 24; day += 6 {
		a.clock.Advance(6 * 24 * time.Hour)
		tk = a.refresh(tk.Refresh).is(200).tokens()
	}
	if tk.RefreshExpiresIn != 6*24*3600 {
		t.Errorf("on day 24 of 30 the token is good for %d s", tk.RefreshExpiresIn)
	}
	a.clock.Advance(6 * 24 * time.Hour)
	a.refresh(tk.Refresh).is(401, "expired_token")
}

// A deactivated user is told so once, and the session ends.
func TestRefreshOfDisabledAccount(t *testing.T) {
	a := newApp(t)
	u := a.register()
	tk := a.login()
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.refresh(tk.Refresh).is(403, "account_disabled")
	a.refresh(tk.Refresh).is(401, "revoked_token")
	if _, err := a.Activate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	a.refresh(tk.Refresh).is(401, "revoked_token")
	a.me(tk.Access).is(401, "revoked_token")
}

func TestRefreshOfDeletedAccount(t *testing.T) {
	a := newApp(t)
	u := a.register()
	tk := a.login()
	if err := a.DeleteUser(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	if r := a.refresh(tk.Refresh); r.status != 401 {
		t.Errorf("refresh: %d %s", r.status, r.code())
	}
	if r := a.me(tk.Access); r.status != 401 {
		t.Errorf("me: %d %s", r.status, r.code())
	}
}
