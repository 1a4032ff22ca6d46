package provider

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// token is POST /providers/apps/token with an ID token that the provider has issued.
func (b *browser) token(idToken, nonce string, who assertion, more ...string) (kit.Answer, error) {
	who.Until = b.Clock.Now().Add(time.Hour)
	b.idp.mu.Lock()
	b.idp.codes[idToken] = login{url.Values{"nonce": {"nonce"}}, who}
	b.idp.mu.Unlock()
	body := map[string]string{"id_token": idToken, "nonce": nonce}
	for i := 0; i < len(more); i += 2 {
		body[more[i]] = more[i+1]
	}
	return b.send("POST", "/providers/apps/token", body)
}

// TestNative: an ID token of a native app logs in once, also if its signature is written in another
// way.
func TestNative(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	answer, err := b.token("head.body.signature", "nonce", lovelace)
	if err != nil || answer.Tokens.User.Email != lovelace.Email || len(answer.Cookies) > 0 {
		t.Fatalf("%v", err)
	}
	if _, claims, err := a.Authenticate(t.Context(), string(answer.Tokens.AccessToken)); err != nil || strings.Join(claims.AMR, " ") != "fed" {
		t.Errorf("%v %v", claims.AMR, err)
	}
	for _, again := range []string{"head.body.signature", "head.body.Signature"} {
		if _, err := b.token(again, "nonce", lovelace); !errors.Is(err, kit.ErrRevokedToken) {
			t.Errorf("%s again: %v", again, err)
		}
	}
	a.Clock.Advance(30 * time.Minute) // longer than a state is good for
	if _, err := b.token("head.body.signature", "nonce", lovelace); !errors.Is(err, kit.ErrRevokedToken) {
		t.Errorf("later: %v", err)
	}
	if _, err := b.token("head.other.signature", "nonce", lovelace); err != nil {
		t.Errorf("another one: %v", err)
	}
}

// TestUsedProofs: a proof that has logged in makes no account anew, neither while it would last nor after its
// account was deleted, and writes nothing.
func TestUsedProofs(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	code := b.code("idp", lovelace, "code_challenge="+challengeOf(verifier))
	bob := assertion{Account: Account{Subject: "bob-1", Email: "bob@example.com"}, Issuer: lovelace.Issuer, Proved: true}
	w := newWorld(t)
	link, from := w.unproved(says("1", ada, false))
	for name, c := range map[string]struct {
		kit    *kittest.Kit
		email  string
		writes func() int
		use    func() (kit.Answer, error)
	}{
		"an ID token": {a.Kit, bob.Email, a.writes, func() (kit.Answer, error) { return b.token("head.body.signature", "nonce", bob) }},
		"a code":      {a.Kit, lovelace.Email, a.writes, func() (kit.Answer, error) { return b.exchange(code, "code_verifier", verifier) }},
		"a link":      {w.Kit, ada, w.writes, func() (kit.Answer, error) { return w.tryConfirm(link, from) }},
	} {
		answer, err := c.use()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, state := range []string{"in use", "deleted"} {
			writes := c.writes()
			if _, err := c.use(); !errors.Is(err, kit.ErrRevokedToken) || c.writes() != writes {
				t.Errorf("%s, with its account %s: %v, %d writes", name, state, err, c.writes()-writes)
			}
			if err := c.kit.DeleteUser(t.Context(), answer.Tokens.User.ID); state == "in use" && err != nil {
				t.Fatal(err)
			}
		}
		if u, err := c.kit.UserByEmail(t.Context(), c.email); !errors.Is(err, kit.ErrUserNotFound) {
			t.Errorf("%s made the account %v anew (%v)", name, u.ID, err)
		}
	}
}

// TestNativeAtOnce: 16 uses of one ID token at once, over two instances: one session.
func TestNativeAtOnce(t *testing.T) {
	a := newApp(t)
	services := []*kit.Service{a.Service, a.Another()}
	errs := atOnce(16, func(i int) error {
		b := a.browser()
		b.svc = services[i%2]
		_, err := b.token("head.body.signature", "nonce", lovelace)
		return err
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, kit.ErrRevokedToken) {
			t.Errorf("got %v", err)
		}
	}
	u, err := a.UserByEmail(t.Context(), lovelace.Email)
	if err != nil || won != 1 || a.sessions(u) != 1 {
		t.Errorf("%d logins, %d sessions (%v)", won, a.sessions(u), err)
	}
}

// TestNativeRefusals: nothing is stored.
func TestNativeRefusals(t *testing.T) {
	unproved := lovelace
	unproved.Proved = false
	for name, c := range map[string]struct {
		nonce string
		who   assertion
		err   error
		want  error
	}{
		"another nonce": {"other", lovelace, nil, kit.ErrInvalidToken},
		"unavailable":   {"nonce", lovelace, errUnavailable, kit.ErrUnavailable},
		"refused":       {"nonce", lovelace, errRefused{"the audience is another one"}, kit.ErrInvalidToken},
		"stale":         {"nonce", lovelace, errStale, kit.ErrInvalidToken},
		"unverified":    {"nonce", unproved, nil, errEmailUnverified},
	} {
		a := newApp(t)
		a.idp.err = c.err
		if _, err := a.browser().token("head.body.signature", c.nonce, c.who); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if a.writes() != 0 || len(a.told) != 1 || a.told[0].Kind != kit.EventLoginFailed {
			t.Errorf("%s: %d writes, the events %v", name, a.writes(), a.told)
		}
	}
	b := newApp(t).browser()
	for _, body := range []map[string]string{{"id_token": "head.body.signature"}, {"nonce": "nonce"}} {
		if _, err := b.send("POST", "/providers/apps/token", body); fieldOf(err) == "" || b.idp.requests() != 0 {
			t.Errorf("%.20v: %v", body, err)
		}
	}
}
