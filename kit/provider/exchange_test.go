package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// verifier is one of a page, and challengeOf what it begins with.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64URL.EncodeToString(sum[:])
}

// TestWhoExchanges: a code is of use to the browser that began the login, or, if that began with a
// challenge, to who knows its verifier. No refusal uses it up.
func TestWhoExchanges(t *testing.T) {
	type try struct {
		by       *browser
		code     string
		verifier []string
	}
	for name, c := range map[string]struct {
		challenge string
		wrong     func(b *browser, early *browser, code string) try
		want      error // nil: the field code_verifier
	}{
		"of another browser": {"", func(b, _ *browser, code string) try { return try{b.app.browser(), code, nil} }, errNoFlow},
		"of another browser, which has a code": {"", func(b, _ *browser, code string) try {
			c := b.app.browser()
			c.code("idp", lovelace)
			return try{c, code, nil}
		}, errNoFlow},
		"with the cookie of another flow": {"", func(b, _ *browser, code string) try {
			c := b.clone()
			for name := range c.cookies {
				d := b.app.browser()
				d.code("idp", lovelace)
				for _, value := range d.cookies {
					c.cookies[name] = value
				}
			}
			return try{c, code, nil}
		}, errNoFlow},
		"with the cookie of before":      {"", func(_, early *browser, code string) try { return try{early, code, nil} }, errNoFlow},
		"with a verifier of nothing":     {"", func(b, _ *browser, code string) try { return try{b, code, []string{"code_verifier", verifier}} }, errVerifier},
		"without the verifier":           {verifier, func(b, _ *browser, code string) try { return try{b, code, nil} }, nil},
		"with the cookie in place of it": {verifier, func(_, early *browser, code string) try { return try{early, code, nil} }, nil},
		"with an empty verifier":         {verifier, func(b, _ *browser, code string) try { return try{b, code, []string{"code_verifier", ""}} }, nil},
		"with a wrong verifier":          {verifier, func(b, _ *browser, code string) try { return try{b, code, []string{"code_verifier", verifier + "a"}} }, errVerifier},
		"with the challenge for a verifier": {verifier, func(b, _ *browser, code string) try {
			return try{b, code, []string{"code_verifier", challengeOf(verifier)}}
		}, errVerifier},
		"with a verifier that is too short": {"short", func(b, _ *browser, code string) try { return try{b, code, []string{"code_verifier", "short"}} }, errVerifier},
		"with a verifier that is too long": {strings.Repeat("a", 129), func(b, _ *browser, code string) try {
			return try{b, code, []string{"code_verifier", strings.Repeat("a", 129)}}
		}, errVerifier},
		"nonsense":                 {"", func(b, _ *browser, _ string) try { return try{b, "nonsense", nil} }, kit.ErrInvalidToken},
		"a code that was changed":  {"", func(b, _ *browser, code string) try { return try{b, code[:len(code)-4] + "AAAA", nil} }, kit.ErrInvalidToken},
		"the cookie for a code":    {"", func(b, _ *browser, _ string) try { return try{b, firstOf(b.cookies), nil} }, kit.ErrInvalidToken},
		"the code of the provider": {"", func(b, _ *browser, _ string) try { return try{b, "secretcode1", nil} }, kit.ErrInvalidToken},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			b := a.browser()
			var query []string
			if c.challenge != "" {
				query = append(query, "code_challenge="+challengeOf(c.challenge))
			}
			callback := b.begin("idp", lovelace, query...)
			early := b.clone()
			code := b.result(b.get(callback), "code")
			try := c.wrong(b, early, code)
			writes := a.writes()
			a.told = nil
			_, err := try.by.exchange(try.code, try.verifier...)
			if c.want == nil && fieldOf(err) != "code_verifier" || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if a.writes() != writes {
				t.Errorf("%d writes", a.writes()-writes)
			}
			if len(a.told) != 1 || a.told[0].Kind != kit.EventLoginFailed {
				t.Errorf("the events: %v", a.told)
			}
			if len(c.challenge) >= 43 && len(c.challenge) <= 128 {
				b = a.browser() // any client that knows the verifier
				query = []string{"code_verifier", c.challenge}
			} else if c.challenge != "" {
				return
			}
			if answer, err := b.exchange(code, query...); err != nil || answer.Tokens.User.Email != lovelace.Email {
				t.Errorf("the right one then: %v", err)
			}
		})
	}
}

func firstOf(m map[string]string) string {
	for _, v := range m {
		return v
	}
	return ""
}

// TestAChallengeNeedsNoCookie: the browser of a flow with a challenge keeps no cookie after the
// callback.
func TestAChallengeNeedsNoCookie(t *testing.T) {
	b := newApp(t).browser()
	b.code("idp", lovelace, "code_challenge="+challengeOf(verifier))
	if len(b.cookies) != 0 {
		t.Errorf("cookies: %d", len(b.cookies))
	}
}

// TestCodeTTL: a code is good for 60 seconds.
func TestCodeTTL(t *testing.T) {
	for _, query := range [][]string{nil, {"code_challenge=" + challengeOf(verifier)}} {
		for wait, want := range map[time.Duration]error{59 * time.Second: nil, 60 * time.Second: kit.ErrExpiredToken, time.Hour: kit.ErrExpiredToken} {
			a := newApp(t)
			b := a.browser()
			code := b.code("idp", lovelace, query...)
			a.Clock.Advance(wait)
			var more []string
			if query != nil {
				more = []string{"code_verifier", verifier}
			}
			if _, err := b.exchange(code, more...); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("after %v: %v, want %v", wait, err, want)
			}
		}
	}
}

// TestACodeWorksOnce: one after the other and 16 at once, over two instances, for a known account and
// a new one: one session.
func TestACodeWorksOnce(t *testing.T) {
	a := newApp(t)
	services := []*kit.Service{a.Service, a.Another()}
	for round := range 6 {
		who := lovelace
		if round%2 == 1 { // a new account
			who.Subject, who.Email = fmt.Sprint("new-", round), fmt.Sprint("new", round, "@example.com")
		}
		b := a.browser()
		code := b.code("idp", who)
		tabs := make([]*browser, 16)
		for i := range tabs {
			tabs[i] = b.clone()
			tabs[i].svc = services[i%2]
		}
		errs := atOnce(16, func(i int) error {
			_, err := tabs[i].exchange(code)
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
		if won != 1 {
			t.Errorf("round %d: %d logins by one code", round, won)
		}
		writes := a.writes()
		if _, err := b.clone().exchange(code); !errors.Is(err, kit.ErrRevokedToken) || a.writes() != writes {
			t.Errorf("again: %v, %d writes", err, a.writes()-writes)
		}
		u, err := a.UserByEmail(t.Context(), who.Email)
		if err != nil {
			t.Fatal(err)
		}
		if n := a.sessions(u); n != 1+round/2*(1-round%2) {
			t.Errorf("round %d: %d sessions", round, n)
		}
	}
}

// sessions is how many sessions of u are stored.
func (a *app) sessions(u kit.User) (n int) {
	a.t.Helper()
	rows, err := a.Store.Tokens().ByUser(a.t.Context(), u.ID, "", 1000)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Type == kit.RefreshToken {
			n++
		}
	}
	return n
}

// gate lends its Core to the test, and refuses while the test says so.
type gate struct {
	*kit.Core
	shut, hook bool
}

func (*gate) Name() string { return "gate" }

func (g *gate) Attach(core *kit.Core) (kit.Extension, error) {
	g.Core = core
	return kit.Extension{Gate: func(context.Context, kit.User, kit.Login) error {
		if g.shut {
			return errShut
		}
		return nil
	}}, nil
}

var errShut = kit.NewProblem(418, "shut", "Shut", "It is shut.")

// change changes an account as nothing in the API does.
func (g *gate) change(t *testing.T, u kit.User, change func(*kit.User)) {
	t.Helper()
	done := false
	if _, _, err := g.ChangeUser(t.Context(), u.ID, func(u *kit.User) error {
		if done {
			return kit.ErrUnchanged
		}
		done = true
		change(u)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDoors is claim 37: a code, and the ID token of a native app, let no account in that may not
// log in, and leave no session. What ended the account's sessions or credentials after the
// callback ends the login.
func TestDoors(t *testing.T) {
	nothing := func(*testing.T, *app, *gate, kit.User) {}
	for reason, c := range map[string]struct {
		shut        func(t *testing.T, a *app, g *gate, u kit.User)
		code, token error
	}{
		"nothing": {nothing, nil, nil},
		"a factor due": {func(t *testing.T, _ *app, g *gate, u kit.User) {
			g.change(t, u, func(u *kit.User) { u.Factors = []string{"gate"} })
		}, kit.ErrMFARequired, kit.ErrMFARequired},
		"inactive": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if _, err := a.Deactivate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, kit.ErrAccountDisabled, kit.ErrAccountDisabled},
		"a hook": {func(_ *testing.T, _ *app, g *gate, _ kit.User) { g.hook = true }, errShut, errShut},
		"a gate": {func(_ *testing.T, _ *app, g *gate, _ kit.User) { g.shut = true }, errShut, errShut},
		"sessions ended": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if err := a.EndAllSessions(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, kit.ErrRevokedToken, nil},
		"credentials voided": {func(t *testing.T, _ *app, g *gate, u kit.User) {
			g.change(t, u, func(u *kit.User) { u.CredentialEpoch++ })
		}, kit.ErrRevokedToken, errLinkRequired}, // the identity is gone
		"deleted, and made anew by somebody else": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if err := a.DeleteUser(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
			a.LogIn(lovelace.Email)
		}, kit.ErrRevokedToken, errLinkRequired},
		"deleted, and the identity another's": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if err := a.DeleteUser(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
			a.browser().logIn("idp", lovelace)
		}, kit.ErrRevokedToken, nil},
	} {
		for _, door := range []string{"code", "token"} {
			t.Run(reason+"/"+door, func(t *testing.T) {
				g := &gate{}
				a := newApp(t, func(o *kit.Options) {
					o.Features = append(o.Features, g)
					o.Hooks.BeforeLogin = func(context.Context, kit.User) error {
						if g.hook {
							return errShut
						}
						return nil
					}
				})
				u := a.browser().logIn("idp", lovelace).User
				b := a.browser()
				want, code := c.code, ""
				if door == "code" {
					code = b.code("idp", lovelace)
				} else {
					want = c.token
				}
				c.shut(t, a, g, u)
				after, err := a.UserByEmail(t.Context(), lovelace.Email)
				if err != nil {
					t.Fatal(err)
				}
				before := a.sessions(u) + a.sessions(after)
				open := func() error {
					if door == "code" {
						_, err := b.clone().exchange(code)
						return err
					}
					_, err := b.token("id.token.1", "nonce", lovelace)
					return err
				}
				if err := open(); !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Errorf("got %v, want %v", err, want)
				}
				if n := a.sessions(u) + a.sessions(after) - before; (n > 0) != (want == nil) {
					t.Errorf("%d sessions more", n)
				}
				// Once, also if it was not let in: a second factor takes over from here.
				if err := open(); (want == nil || errors.Is(want, kit.ErrMFARequired)) && !errors.Is(err, kit.ErrRevokedToken) {
					t.Errorf("again: %v", err)
				}
			})
		}
	}
}

// TestEpochs: an account whose sessions and credentials were ended before the login logs in. What was linked
// again since the callback opens nothing for a code of before.
func TestEpochs(t *testing.T) {
	g := &gate{}
	a := newApp(t, func(o *kit.Options) { o.Features = append(o.Features, g) })
	void := func(u *kit.User) { u.SessionEpoch++; u.CredentialEpoch++ }
	link := func() kit.User {
		u, tokens := a.LogIn("owner@example.com")
		b := a.browser()
		b.access = tokens.AccessToken
		if _, err := b.exchange(get(b.follow(b.link(), mallory), "code")); err != nil {
			t.Fatal(err)
		}
		return u
	}
	u, _ := a.LogIn("owner@example.com")
	g.change(t, u, void)
	link()
	if got := a.browser().logIn("idp", mallory); got.User.ID != u.ID {
		t.Errorf("logged in to %s", got.User.ID)
	}
	b := a.browser()
	code := b.code("idp", mallory)
	g.change(t, u, func(u *kit.User) { u.CredentialEpoch++ })
	link()
	if _, err := b.exchange(code); !errors.Is(err, kit.ErrRevokedToken) {
		t.Errorf("a code of before: %v", err)
	}
}

// TestUnverified: where that is required, an account whose address is not verified does not log in by a known
// identity that does not prove it.
func TestUnverified(t *testing.T) {
	g := &gate{}
	a := newApp(t, func(o *kit.Options) { o.RequireVerifiedEmail, o.Features = true, append(o.Features, g) })
	u := a.browser().logIn("idp", lovelace).User
	g.change(t, u, func(u *kit.User) { u.Verified = false })
	unproved := lovelace
	unproved.Proved = false
	b := a.browser()
	before := a.sessions(u)
	if _, err := b.exchange(b.code("idp", unproved)); !errors.Is(err, kit.ErrEmailNotVerified) {
		t.Errorf("got %v", err)
	}
	if a.sessions(u) != before {
		t.Error("a session")
	}
}

// TestBeforeRegister: a hook that refuses a registration refuses that of the exchange, and nothing
// is stored.
func TestBeforeRegister(t *testing.T) {
	a := newApp(t, func(o *kit.Options) {
		o.Hooks.BeforeRegister = func(context.Context, kit.Registration) error { return errShut }
	})
	b := a.browser()
	if _, err := b.exchange(b.code("idp", lovelace)); !errors.Is(err, error(errShut)) {
		t.Errorf("got %v", err)
	}
	if _, err := a.UserByEmail(t.Context(), lovelace.Email); !errors.Is(err, kit.ErrUserNotFound) {
		t.Errorf("the account: %v", err)
	}
}

// TestABearerIsNotForLogins: the code of a login logs in to the account of its identity and links
// nothing, whoever is signed in.
func TestABearerIsNotForLogins(t *testing.T) {
	a := newApp(t)
	a.browser().logIn("idp", lovelace)
	eve, tokens := a.LogIn("eve@example.com")
	b := a.browser()
	b.access = tokens.AccessToken
	answer, err := b.exchange(b.code("idp", lovelace))
	if err != nil || answer.Tokens.User.Email != lovelace.Email || answer.Body != nil {
		t.Errorf("%v %v", answer.Tokens.User.Email, err)
	}
	rows, err := a.Store.Credentials().ByUser(t.Context(), eve.ID, "", 100)
	if err != nil || len(rows) != 0 {
		t.Errorf("%d credentials of who is signed in (%v)", len(rows), err)
	}
}

// TestWrongVerifiersAreCounted: claim 43.
func TestWrongVerifiersAreCounted(t *testing.T) {
	a := newApp(t, func(o *kit.Options) { o.InsecureUnlimited, o.Limiter = false, throttle.New(nil) })
	b := a.browser()
	b.client = kit.Client{IP: ip("192.0.2.1")}
	code := b.code("idp", lovelace, "code_challenge="+challengeOf(verifier))
	for i := 0; ; i++ {
		_, err := b.exchange(code, "code_verifier", verifier+fmt.Sprint(i))
		if errors.Is(err, throttle.ErrTooManyRequests) {
			break
		}
		if i == 500 {
			t.Fatal("500 wrong verifiers")
		}
	}
	b.client = kit.Client{IP: ip("198.51.100.1")}
	if _, err := b.exchange(code, "code_verifier", verifier); err != nil {
		t.Errorf("the owner, from elsewhere: %v", err)
	}
}

// TestDevice: the device token of an earlier login goes along with a login by a provider.
func TestDevice(t *testing.T) {
	a := newApp(t)
	token := string(a.browser().logIn("idp", lovelace).DeviceToken)
	if token == "" {
		t.Fatal("the first login made no device token")
	}
	for name, logIn := range map[string]func(b *browser, more ...string) (kit.Answer, error){
		"code": func(b *browser, more ...string) (kit.Answer, error) {
			return b.exchange(b.code("idp", lovelace), more...)
		},
		"token": func(b *browser, more ...string) (kit.Answer, error) {
			return b.token("id."+fmt.Sprint(len(more))+".1", "nonce", lovelace, more...)
		},
	} {
		if answer, err := logIn(a.browser(), "device_token", token); err != nil || answer.Tokens.DeviceToken != "" {
			t.Errorf("%s: a known device gets another token (%v)", name, err)
		}
		if answer, err := logIn(a.browser()); err != nil || answer.Tokens.DeviceToken == "" {
			t.Errorf("%s: another device gets none (%v)", name, err)
		}
	}
}
