package provider

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// linkedIn wants an answer of the confirmation to say whether the identity was linked.
func linkedIn(t *testing.T, answer kit.Answer, want bool) {
	t.Helper()
	if got := fmt.Sprintf(`{"linked":%v}`, want); string(answer.Body) != got {
		t.Errorf("answered %s, want %s", answer.Body, got)
	}
}

// TestConfirm: the link in the mail proves the mailbox. What it makes of that depends on whose
// the address is, and on whether the browser is the one that has begun.
func TestConfirm(t *testing.T) {
	free := func(*world) string { return "" }
	registered := func(w *world) string { return w.squat(ada).ID }
	verified := func(w *world) string { u, _ := w.LogIn(ada); return u.ID }
	for name, c := range map[string]struct {
		whose  func(*world) string
		same   bool // the browser
		linked bool
		told   kit.MailKind
	}{
		"free, in the same browser":         {free, true, true, ""},
		"free, elsewhere":                   {free, false, true, ""},
		"not verified, in the same browser": {registered, true, true, MailClaimed},
		"not verified, elsewhere":           {registered, false, false, MailClaimed},
		"verified, in the same browser":     {verified, true, true, MailLinked},
		"verified, elsewhere":               {verified, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := c.whose(w)
			token, from := w.unproved(says("1", ada, false))
			if !c.same {
				from = source{}
			}
			answer, err := w.tryConfirm(token, from)
			if err != nil {
				t.Fatal(err)
			}
			linkedIn(t, answer, c.linked)
			u := w.user(ada)
			if got := answer.Tokens.User; got.ID != u.ID || id != "" && got.ID != id || !u.Verified {
				t.Errorf("logged in %v", got.ID)
			}
			if (len(answer.Cookies) == 1) != c.same {
				t.Errorf("set the cookies %v", answer.Cookies)
			}
			_, claims, err := w.Authenticate(t.Context(), string(answer.Tokens.AccessToken))
			if want := map[bool]string{true: "fed", false: "email"}[c.linked]; err != nil || !slices.Equal(claims.AMR, []string{want}) {
				t.Errorf("the login was by %q, %v", claims.AMR, err)
			}
			// Once.
			writes := w.writes()
			if _, err := w.tryConfirm(token, from); !errors.Is(err, kit.ErrRevokedToken) {
				t.Errorf("a second time: %v", err)
			}
			if n := w.writes() - writes; n != 0 {
				t.Errorf("%d writes by a link that was used", n)
			}
			// From now on the identity logs in, or still does not.
			if c.linked {
				if got := w.signIn(says("1", ada, false)); got.ID != u.ID {
					t.Errorf("the identity logs in to %v", got.ID)
				}
			} else {
				w.refused(says("1", ada, false), errEmailUnverified)
			}
			for _, kind := range []kit.MailKind{MailClaimed, MailLinked} {
				if told := w.mailed(kind); (len(told) == 1) != (c.told == kind) {
					t.Errorf("%d mails %s", len(told), kind)
				}
			}
		})
	}
}

// TestReverseHijack: a stranger begins with an identity of his own and somebody else's address, and
// the owner follows the old link, whatever he has done with the address since. The stranger's
// identity never logs in to what is the owner's.
func TestReverseHijack(t *testing.T) {
	mallory := says("666", ada, false)
	bare := func(w *world) string { u, _ := w.p().core.Register(w.t.Context(), ada, "Ada"); return u.ID }
	imported := func(w *world) string {
		u, err := w.Import(w.t.Context(), kit.User{Email: ada, Username: "Ada", Active: true, Roles: []string{"admin"}})
		if err != nil {
			w.t.Fatal(err)
		}
		return u.ID
	}
	for name, c := range map[string]struct {
		owner func(w *world) string
		first bool // before the stranger
	}{
		"who has registered":              {func(w *world) string { return w.squat(ada).ID }, false},
		"who had registered":              {func(w *world) string { return w.squat(ada).ID }, true},
		"who has registered and verified": {func(w *world) string { u, _ := w.LogIn(ada); return u.ID }, false},
		"who came by a provider":          {func(w *world) string { return w.signIn(says("1", ada, true)).ID }, false},
		"who came by a link of his own": {func(w *world) string {
			token, _ := w.unproved(says("1", ada, false))
			return w.confirm(token, source{}).ID
		}, false},
		"whose first try was interrupted":  {bare, true},
		"who was made by an administrator": {imported, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var id string
			if c.first {
				id = c.owner(w)
				w.Clock.Advance(time.Minute)
			}
			token, _ := w.unproved(mallory)
			w.Clock.Advance(time.Minute)
			if !c.first {
				id = c.owner(w)
			}
			answer, err := w.tryConfirm(token, source{})
			if err != nil {
				t.Fatal(err)
			}
			linkedIn(t, answer, false)
			if answer.Tokens.User.ID != id {
				t.Errorf("the owner was logged in to %v", answer.Tokens.User.ID)
			}
			if slices.Contains(w.identities(w.user(ada)), "666") {
				t.Error("the account has the stranger's identity")
			}
			w.refused(mallory, errEmailUnverified)
			mallory := mallory
			mallory.Proved = true // as if the provider had believed it since
			w.refused(mallory, errLinkRequired)
		})
	}
}

// TestConfirmRefuses: no link but ours, not after an hour, and not of a provider that is gone.
func TestConfirmRefuses(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.KeepTokens = true })
	token, from := w.unproved(says("1", ada, false))
	code, err := w.p().sealCode(pass{Provider: "acme", Assertion: keep(says("1", ada, false))}, w.Clock.Now().Add(codeTTL))
	if err != nil {
		t.Fatal(err)
	}
	writes := w.writes()
	for _, text := range []string{"x", token + "x", string(code)} {
		if _, err := w.tryConfirm(text, from); !errors.Is(err, kit.ErrInvalidToken) {
			t.Errorf("%.20s: %v", text, err)
		}
	}
	clients := w.p().clients
	w.p().clients = clients[1:]
	if _, err := w.tryConfirm(token, from); !errors.Is(err, kit.ErrInvalidToken) {
		t.Errorf("a provider that is gone: %v", err)
	}
	w.p().clients = clients
	w.Clock.Advance(time.Hour)
	if _, err := w.tryConfirm(token, from); !errors.Is(err, kit.ErrExpiredToken) {
		t.Errorf("after an hour: %v", err)
	}
	if n := w.writes() - writes; n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestNothingIsTold: a sign-in with an address that its provider has not proved does the same,
// says the same and mails the same, whoever has the address.
func TestNothingIsTold(t *testing.T) {
	calls := map[string]string{}
	mails := map[string]kit.Mail{}
	for name, whose := range map[string]func(*world){
		"free":         func(*world) {},
		"not verified": func(w *world) { w.squat(ada) },
		"verified":     func(w *world) { w.LogIn(ada) },
		"off":          func(w *world) { u, _ := w.LogIn(ada); _, _ = w.Deactivate(w.t.Context(), u.ID) },
	} {
		w := newWorld(t)
		whose(w)
		var ops []string
		w.trace(func(op string) { ops = append(ops, op) })
		_, err := w.p().foresee(t.Context(), w.acme, says("1", ada, false))
		if !errors.Is(err, errEmailUnverified) {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.p().mailConfirmation(t.Context(), w.acme, says("1", ada, false), "flow"); err != nil {
			t.Fatal(err)
		}
		w.Faults.Clear()
		calls[name] = strings.Join(ops, " ")
		m := w.mail(MailConfirm)
		m.Token, m.Link = kit.Secret(fmt.Sprint(len(m.Token))), kit.Secret(fmt.Sprint(len(m.Link)))
		mails[name] = m
	}
	for name := range calls {
		if calls[name] != "credentials.ByID" || calls[name] != calls["free"] {
			t.Errorf("%s: the store calls %q, and %q for a free address", name, calls[name], calls["free"])
		}
		if got, want := fmt.Sprintf("%#v", mails[name]), fmt.Sprintf("%#v", mails["free"]); got != want {
			t.Errorf("%s: the mail %s, and %s for a free address", name, got, want)
		}
	}
}

// TestConfirmationMail: what a stranger calls himself reaches the mail as letters, at most.
func TestConfirmationMail(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace":    "Ada Lovelace",
		"Jürgen O'Neil-Ř": "Jürgen O'Neil-Ř",
		"":                "",
		"Pay at https://evil.example/now or call +49 123": "Pay at https evil",
		"\u202eevil\nBcc: x@evil.example":                 "evil Bcc x evil",
		strings.Repeat("a", 64<<10):                       "",
	} {
		w := newWorld(t)
		a := says("1", ada, false)
		a.Name = name
		if err := w.p().mailConfirmation(t.Context(), w.acme, a, ""); err != nil {
			t.Fatal(err)
		}
		m := w.mail(MailConfirm)
		if m.Data["name"] != want || m.Data["provider"] != "Acme" || m.To != ada || m.UserID != "" || m.Username != "" {
			t.Errorf("%.40q: %+v", name, m)
		}
		if link := "https://app.example.com/confirm-sign-in?token=" + string(m.Token); string(m.Link) != link || len(link) > 2000 {
			t.Errorf("%.40q: the link has %d bytes", name, len(m.Link))
		}
		if m.ValidUntil.Sub(w.Clock.Now()) != time.Hour || bytes.Contains([]byte(m.Text), []byte("\r")) {
			t.Errorf("valid until %v", m.ValidUntil)
		}
	}
}

// TestPageClaimsNothing: the page in another browser than the one that has begun leaves the account of
// whoever has registered the address as it is.
func TestPageClaimsNothing(t *testing.T) {
	w := newWorld(t)
	before := w.squat(ada)
	token, _ := w.unproved(says("1", ada, false))
	i := slices.IndexFunc(w.Pages(), func(p kit.Page) bool { return p.Path == confirmPage })
	if err := w.Pages()[i].Submit(t.Context(), kit.Submission{Token: token, Source: source{}}); !errors.Is(err, errLinkRequired) {
		t.Errorf("got %v", err)
	}
	if after := w.user(ada); after.Version != before.Version {
		t.Errorf("the account was changed to %+v", after)
	}
}
