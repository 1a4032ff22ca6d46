package provider

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// linked is how many identities the account of a user has.
func (a *app) linked(u kit.User) (n int) {
	a.t.Helper()
	rows, err := a.Store.Credentials().ByUser(a.t.Context(), u.ID, "", 100)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Type == "provider" {
			n++
		}
	}
	return n
}

// follow opens a link, signs in at the provider, and comes back: it returns where the page is then.
func (b *browser) follow(link string, who assertion) string {
	b.t.Helper()
	return b.get("/providers/idp/callback?" + b.idp.signIn(b.get(link), who).Encode())
}

// mallory is an account elsewhere with another address than that of the account it is linked to.
var mallory = assertion{Account: Account{Subject: "mallory-1", Email: "mallory@example.com"}, Issuer: "https://idp.example"}

// TestLink: an owner who is signed in links an account elsewhere, and then logs in with it. No
// address matters.
func TestLink(t *testing.T) {
	for _, challenge := range []bool{false, true} {
		a := newApp(t)
		b := a.browser()
		owner, tokens := a.LogIn("owner@example.com")
		b.access = tokens.AccessToken
		query, more := []string{"redirect_to", other}, []string{}
		if challenge {
			query, more = append(query, "code_challenge", challengeOf(verifier)), []string{"code_verifier", verifier}
		}
		location := b.follow(b.link(query...), mallory)
		if !strings.HasPrefix(location, other+"&code=") {
			t.Fatalf("went to %s", location)
		}
		answer, err := b.exchange(get(location, "code"), more...)
		if err != nil || answer.Status != 200 || answer.Tokens.AccessToken != "" || len(answer.Body) == 0 || len(b.cookies) != 0 {
			t.Fatalf("the exchange: %s %v, %d cookies", answer.Body, err, len(b.cookies))
		}
		if a.linked(owner) != 1 {
			t.Errorf("%d identities", a.linked(owner))
		}
		if got := a.browser().logIn("idp", mallory); got.User.ID != owner.ID {
			t.Errorf("logged in to %s", got.User.Email)
		}
		if _, err := b.exchange(get(location, "code"), more...); !errors.Is(err, kit.ErrInvalidToken) && !errors.Is(err, kit.ErrRevokedToken) {
			t.Errorf("again: %v", err)
		}
	}
}

// TestWhoLinks: the code of a linking flow is of use to the user and the session that began it, with a
// recent login, in the browser that went there. Otherwise nothing is linked, and no session begins.
func TestWhoLinks(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, a *app, b *browser)
		want   error
	}{
		"nobody": {func(_ *testing.T, _ *app, b *browser) { b.access = "" }, kit.ErrInvalidToken},
		"another user": {func(_ *testing.T, a *app, b *browser) {
			_, tokens := a.LogIn("eve@example.com")
			b.access = tokens.AccessToken
		}, errOtherSession},
		"another session": {func(_ *testing.T, a *app, b *browser) {
			_, tokens := a.LogIn("owner@example.com")
			b.access = tokens.AccessToken
		}, errOtherSession},
		"an old login": {func(t *testing.T, a *app, b *browser) {
			a.Clock.Advance(50 * time.Second) // of 10 minutes
		}, kit.ErrReauthenticationRequired},
		"a session that has ended": {func(t *testing.T, a *app, b *browser) {
			_, claims, err := a.Authenticate(t.Context(), string(b.access))
			if err == nil {
				err = a.EndSession(t.Context(), claims.Subject, claims.SessionID)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, kit.ErrRevokedToken},
		"another browser": {func(_ *testing.T, _ *app, b *browser) { b.cookies = map[string]string{} }, errNoFlow},
	} {
		a := newApp(t)
		b := a.browser()
		owner, tokens := a.LogIn("owner@example.com")
		b.access = tokens.AccessToken
		if name == "an old login" {
			a.Clock.Advance(9*time.Minute + 15*time.Second)
		}
		code := get(b.follow(b.link(), mallory), "code")
		c.change(t, a, b)
		before := a.sessions(owner)
		answer, err := b.exchange(code)
		if !errors.Is(err, c.want) || len(answer.Tokens.AccessToken) > 0 {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if a.linked(owner) != 0 || a.sessions(owner) != before {
			t.Errorf("%s: %d identities, %d sessions more", name, a.linked(owner), a.sessions(owner)-before)
		}
		if _, err := a.UserByEmail(t.Context(), mallory.Email); !errors.Is(err, kit.ErrUserNotFound) {
			t.Errorf("%s: an account: %v", name, err)
		}
	}
}

// TestAStolenLink: a link that somebody else opens links nothing: neither the victim's account
// elsewhere to the account of who made the link, nor the account elsewhere of a thief of the link to
// the account of its owner.
func TestAStolenLink(t *testing.T) {
	a := newApp(t)
	eve, eves := a.LogIn("eve@example.com")
	attacker := a.browser()
	attacker.access = eves.AccessToken
	_, victims := a.LogIn("victim@example.com")
	victim := a.browser()
	victim.access = victims.AccessToken

	// The victim's browser opens the attacker's link, and the page of the application exchanges the code.
	code := get(victim.follow(attacker.link(), mallory), "code")
	if _, err := victim.exchange(code); !errors.Is(err, errOtherSession) {
		t.Errorf("the victim's page: %v", err)
	}
	if _, err := attacker.exchange(code); !errors.Is(err, errNoFlow) {
		t.Errorf("the attacker, who has got hold of the code: %v", err)
	}
	victim.access = ""
	if _, err := victim.exchange(code); err == nil {
		t.Error("a victim who is not signed in")
	}
	if a.linked(eve) != 0 {
		t.Error("the attacker's account has an identity")
	}

	// The attacker opens the victim's link, and brings the code into the victim's browser.
	victim.access = victims.AccessToken
	code = get(attacker.follow(victim.link(), mallory), "code")
	if _, err := victim.exchange(code); !errors.Is(err, errNoFlow) {
		t.Errorf("a code of the attacker's browser: %v", err)
	}
	if _, err := attacker.exchange(code); !errors.Is(err, errOtherSession) {
		t.Errorf("the attacker's session: %v", err)
	}
}

// TestLinkOnce: a link is good for 5 minutes, at its provider, for one callback, whatever number of
// browsers have begun with it.
func TestLinkOnce(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	owner, tokens := a.LogIn("owner@example.com")
	b.access = tokens.AccessToken
	link := b.link()
	if _, err := b.send("GET", strings.Replace(link, "/idp/", "/posts/", 1), nil); !errors.Is(err, kit.ErrInvalidToken) {
		t.Errorf("at another provider: %v", err)
	}
	if _, err := b.send("GET", "/providers/idp/start?link=nonsense", nil); !errors.Is(err, kit.ErrInvalidToken) {
		t.Errorf("nonsense: %v", err)
	}
	writes := a.writes()
	tabs, locations := make([]*browser, 16), make([]string, 16)
	a.Clock.Advance(5*time.Minute - time.Second)
	for i := range tabs {
		tabs[i] = a.browser()
		tabs[i].access = tokens.AccessToken
		locations[i] = tabs[i].get(link)
	}
	if a.writes() != writes {
		t.Error("a start wrote")
	}
	a.Clock.Advance(time.Second)
	if _, err := b.send("GET", link, nil); !errors.Is(err, kit.ErrExpiredToken) {
		t.Errorf("after 5 minutes: %v", err)
	}
	results := atOnce(16, func(i int) string {
		answer, err := tabs[i].send("GET", "/providers/idp/callback?"+a.idp.signIn(locations[i], mallory).Encode(), nil)
		if err != nil {
			return err.Error()
		}
		return answer.Location
	})
	codes := 0
	for i, location := range results {
		switch {
		case strings.Contains(location, "?code="):
			codes++
			if _, err := tabs[i].exchange(get(location, "code")); err != nil {
				t.Errorf("the winner: %v", err)
			}
		case location != with(home, "error", invalidState):
			t.Errorf("went to %s", location)
		}
	}
	if codes != 1 || a.linked(owner) != 1 {
		t.Errorf("%d codes, %d identities", codes, a.linked(owner))
	}
	// As late as a flow can come back that began with the link in time.
	late := a.browser()
	late.access = tokens.AccessToken
	again := late.link()
	first, second := late.clone(), late.clone()
	locations = []string{first.get(again), ""}
	a.Clock.Advance(5*time.Minute - time.Second)
	locations[1] = second.get(again)
	if location := first.get("/providers/idp/callback?" + a.idp.signIn(locations[0], mallory).Encode()); !strings.Contains(location, "?code=") {
		t.Errorf("the first: %s", location)
	}
	a.Clock.Advance(10*time.Minute - time.Second)
	if location := second.get("/providers/idp/callback?" + a.idp.signIn(locations[1], mallory).Encode()); location != with(home, "error", invalidState) {
		t.Errorf("the second: %s", location)
	}
}

// TestLinkRefusals: POST link itself.
func TestLinkRefusals(t *testing.T) {
	g := &gate{}
	a := newApp(t, func(o *kit.Options) { o.Features = append(o.Features, g) })
	b := a.browser()
	owner, tokens := a.LogIn("owner@example.com")
	b.access = tokens.AccessToken
	if _, err := b.send("POST", "/providers/idp/link", map[string]string{"code_challenge": "plain"}); fieldOf(err) != "code_challenge" {
		t.Errorf("a challenge: %v", err)
	}
	link := b.link()
	g.change(t, owner, func(u *kit.User) { u.Verified = false })
	if _, err := b.send("POST", "/providers/idp/link", nil); !errors.Is(err, kit.ErrEmailNotVerified) {
		t.Errorf("unverified: %v", err)
	}
	if _, err := b.exchange(get(b.follow(link, mallory), "code")); !errors.Is(err, kit.ErrEmailNotVerified) || a.linked(owner) != 0 {
		t.Errorf("unverified since: %v, %d identities", err, a.linked(owner))
	}
	g.change(t, owner, func(u *kit.User) { u.Verified = true })
	a.Clock.Advance(11 * time.Minute)
	if _, err := b.send("POST", "/providers/idp/link", nil); !errors.Is(err, kit.ErrReauthenticationRequired) {
		t.Errorf("an old login: %v", err)
	}
}

// TestLinkKeepsNothingOfTheQuery: what is asked for beside a link does not count.
func TestLinkKeepsNothingOfTheQuery(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	_, tokens := a.LogIn("owner@example.com")
	b.access = tokens.AccessToken
	link := b.link() + "&redirect_to=" + url.QueryEscape(other) + "&code_challenge=" + challengeOf(verifier)
	location := b.follow(link, mallory)
	if !strings.HasPrefix(location, home+"?code=") {
		t.Errorf("went to %s", location)
	}
	if _, err := b.exchange(get(location, "code")); err != nil {
		t.Errorf("the exchange: %v", err)
	}
}

// TestATargetThatLeftTheList: a link, or a flow, to a target that the application has taken off its list
// since does not go there.
func TestATargetThatLeftTheList(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	_, tokens := a.LogIn("owner@example.com")
	b.access = tokens.AccessToken
	link := b.link("redirect_to", other)
	callback := b.begin("idp", lovelace, "redirect_to="+url.QueryEscape(other))
	feature, err := New(baseURL, []string{home}, a.idp.provider("idp"))
	if err != nil {
		t.Fatal(err)
	}
	b.svc = a.serviceWith(feature)
	if _, err := b.send("GET", link, nil); fieldOf(err) != "redirect_to" {
		t.Errorf("the link: %v", err)
	}
	if location := b.get(callback); !strings.HasPrefix(location, home+"?") {
		t.Errorf("the flow: %s", location)
	}
}
