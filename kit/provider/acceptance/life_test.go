package acceptance

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/provider"
	"myauth.internal/kit/provider/acceptance/openid"
)

var ada = openid.Person{Subject: "248289761001", Email: email, Name: "Ada Lovelace", Verified: true}

// TestLife is a sign-up and further sign-ins at a real OpenID provider. Once its metadata and keys
// are known, a login costs one request to it.
func TestLife(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	b := a.browser()
	if list := b.send("GET", "/providers", "", nil, 200)["providers"].([]any); len(list) != 1 || list[0].(members)["name"] != "acme" || list[0].(members)["label"] != "Acme" {
		t.Errorf("providers: %v", list)
	}

	tokens := b.signIn("ada")
	user := tokens["user"].(members)
	if user["email"] != email || user["username"] != "Ada Lovelace" || user["is_verified"] != true {
		t.Errorf("the account is %v", user)
	}
	identities := b.identities(access(tokens))
	if len(identities) != 1 || identities[0]["provider"] != "acme" || identities[0]["email"] != email || identities[0]["name"] != "Ada Lovelace" {
		t.Errorf("identities: %v", identities)
	}
	sessions := b.send("GET", "/sessions", access(tokens), nil, 200)["sessions"].([]any)
	if amr := sessions[0].(members)["amr"].([]any); len(sessions) != 1 || len(amr) != 1 || amr[0] != "fed" {
		t.Errorf("sessions: %v", sessions)
	}

	// The address and the name are others now, and the user is the same.
	a.acme.Know("ada", openid.Person{Subject: ada.Subject, Email: "lovelace@example.com", Name: "Countess", Verified: true})
	before := requests3(a.acme)
	again := a.browser().signIn("ada")
	if userID(again) != userID(tokens) || again["user"].(members)["email"] != email {
		t.Errorf("another login is of %v", again["user"])
	}
	if after := requests3(a.acme); after != [3]int64{before[0], before[1], before[2] + 1} {
		t.Errorf("a login cost requests for metadata, keys and tokens: before %v, after %v", before, after)
	}

	// Nothing else logs in to the account, so the identity stays.
	id := identities[0]["id"].(string)
	if code := b.code("DELETE", "/identities/"+id, access(tokens), nil, 409); code != "last_credential" {
		t.Errorf("removing the only identity: %s", code)
	}
}

// TestUserInfo: a provider whose ID tokens have no address is asked for it.
func TestUserInfo(t *testing.T) {
	a := newApp(t, func(s *setup) { s.bare = true })
	a.acme.Know("ada", ada)
	if user := a.browser().signIn("ada")["user"].(members); user["email"] != email || user["username"] != "Ada Lovelace" || user["is_verified"] != true {
		t.Errorf("the account is %v", user)
	}
	if n := a.acme.Called("/userinfo"); n != 1 {
		t.Errorf("%d requests for it", n)
	}
}

// requests3 counts the requests for metadata, keys and tokens.
func requests3(o *openid.Provider) [3]int64 {
	return [3]int64{o.Called("/.well-known/openid-configuration"), o.Called("/keys"), o.Called("/oauth/token")}
}

// TestLinkAndUnlink: the owner of an account links a provider, signs in by it, and removes it.
func TestLinkAndUnlink(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", openid.Person{Subject: "7", Email: "lovelace@elsewhere.example", Verified: false})
	u, tokens := a.LogIn(email)
	b := a.browser()

	url := b.send("POST", "/providers/acme/link", tokens.AccessToken, members{}, 200)["url"].(string)
	code := b.back(b.toProvider(b.redirect(url), "ada")).Get("code")
	if refused := b.code("POST", "/providers/exchange", "", members{"code": code}, 401); refused != "missing_token" {
		t.Errorf("without the user: %s", refused)
	}
	_, other := a.LogIn("eve@example.com")
	b.code("POST", "/providers/exchange", other.AccessToken, members{"code": code}, 401)
	identity := b.send("POST", "/providers/exchange", tokens.AccessToken, members{"code": code}, 200)
	if identity["provider"] != "acme" || identity["email"] != "lovelace@elsewhere.example" || identity["last_used_at"] != nil {
		t.Errorf("linked: %v", identity)
	}

	if login := a.browser().signIn("ada"); userID(login) != u.ID {
		t.Errorf("a login by the identity is of %v", login["user"])
	}
	path := "/identities/" + identity["id"].(string)
	if code := b.code("DELETE", path, other.AccessToken, nil, 404); code != "not_found" {
		t.Errorf("removed by somebody else: %s", code)
	}
	b.send("DELETE", path, tokens.AccessToken, nil, 204)
	b.code("DELETE", path, tokens.AccessToken, nil, 404)
	if got := a.browser().flow("ada", ""); got.Get("error") != "email_unverified" {
		t.Errorf("a login by the removed identity: %v", got)
	}
}

// TestSecondFactor: a provider is one factor, and the second one is asked for at the exchange.
func TestSecondFactor(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	b := a.browser()
	b.enroll(access(b.signIn("ada")))

	code := b.flow("ada", "").Get("code")
	half := b.send("POST", "/providers/exchange", "", members{"code": code}, 403)
	if half["code"] != "mfa_required" {
		t.Fatalf("the exchange: %v", half)
	}
	tokens := b.send("POST", "/login/mfa", "", members{"mfa_token": half["mfa_token"], "method": "word", "code": "please"}, 200)
	sessions := b.send("GET", "/sessions", access(tokens), nil, 200)["sessions"].([]any)
	if amr := sessions[0].(members)["amr"].([]any); len(amr) != 3 || amr[0] != "fed" {
		t.Errorf("the session came by %v", amr)
	}
}

// TestNativeApp signs in with the ID token that an app got.
func TestNativeApp(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	b := a.browser()
	hashed := sha256.Sum256([]byte("nonce-2"))

	body := members{"id_token": idToken(t, a.acme, "ada", "nonce-1"), "nonce": "nonce-1"}
	tokens := b.send("POST", "/providers/acme/token", "", body, 200)
	b.code("POST", "/providers/acme/token", "", body, 401) // once
	again := b.send("POST", "/providers/acme/token", "", members{"id_token": idToken(t, a.acme, "ada", hex.EncodeToString(hashed[:])), "nonce": "nonce-2"}, 200)
	if userID(again) != userID(tokens) || userID(a.browser().signIn("ada")) != userID(tokens) {
		t.Error("the app and the page log in to two accounts")
	}
	b.code("POST", "/providers/acme/token", "", members{"id_token": idToken(t, a.acme, "ada", "nonce-3"), "nonce": "nonce-4"}, 401)
	expired := idToken(t, a.acme, "ada", "nonce-5")
	a.Clock.Advance(12 * time.Minute)
	b.code("POST", "/providers/acme/token", "", members{"id_token": expired, "nonce": "nonce-5"}, 401)
}

// TestVerifier: an application that cannot keep the cookie keeps a verifier.
func TestVerifier(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	code := a.browser().flow("ada", "?code_challenge="+challenge()).Get("code")
	b := a.browser() // another one, without the cookie
	b.code("POST", "/providers/exchange", "", members{"code": code}, 422)
	b.code("POST", "/providers/exchange", "", members{"code": code, "code_verifier": strings.Repeat("x", 43)}, 401)
	b.send("POST", "/providers/exchange", "", members{"code": code, "code_verifier": verifier}, 200)
	b.code("POST", "/providers/exchange", "", members{"code": code, "code_verifier": verifier}, 401)
}

// TestDenied: a user who does not want to comes back with an error, and nothing is left.
func TestDenied(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	rows := a.rows()
	if got := a.browser().flow("nobody", ""); got.Get("error") != "provider_denied" || got.Has("code") {
		t.Errorf("denied: %v", got)
	}
	if after := a.rows(); after > rows+1 { // the state may be spent
		t.Errorf("%d rows, and then %d", rows, after)
	}
}

// TestUnproved: an address that the provider has not proved is proved by a mail.
func TestUnproved(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", openid.Person{Subject: "7", Email: "ada@elsewhere.example", Name: "Ada", Verified: true})
	b := a.browser()
	if got := b.flow("ada", ""); got.Get("error") != "email_unverified" {
		t.Fatalf("an address of a domain that does not count: %v", got)
	}
	tokens := b.send("POST", "/providers/confirm", "", members{"token": a.confirmation()}, 200)
	if tokens["linked"] != true || tokens["user"].(members)["is_verified"] != true {
		t.Errorf("confirmed: %v", tokens)
	}
	if again := b.signIn("ada"); userID(again) != userID(tokens) {
		t.Errorf("a login afterwards is of %v", again["user"])
	}
}

// TestKeptTokens: the application calls the provider's API with the user's token, which is made anew
// when it has expired.
func TestKeptTokens(t *testing.T) {
	a := newApp(t, func(s *setup) { s.KeepTokens, s.Scopes = true, []string{"offline_access"} })
	a.acme.Know("ada", ada)
	tokens := a.browser().signIn("ada")
	first, err := a.feature.Token(t.Context(), userID(tokens), "acme")
	if err != nil || first.AccessToken == "" || first.RefreshToken == "" {
		t.Fatalf("the token: %v", err)
	}
	requests := a.acme.Called("/oauth/token")
	if again, err := a.feature.Token(t.Context(), userID(tokens), "acme"); err != nil || again.AccessToken != first.AccessToken || a.acme.Called("/oauth/token") != requests {
		t.Errorf("a token that is good: %v", err)
	}
	for range 2 { // the second time with the refresh token that the first one brought
		a.Clock.Advance(5 * time.Minute)
		next, err := a.feature.Token(t.Context(), userID(tokens), "acme")
		if err != nil || next.AccessToken == first.AccessToken {
			t.Errorf("a token that has expired: %v", err)
		}
		first = next
	}
	a.Clock.Advance(5 * time.Minute)
	a.acme.Stop()
	if _, err := a.feature.Token(t.Context(), userID(tokens), "acme"); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("while the provider is away: %v", err)
	}
	a.acme.Start()
	a.acme.Forget()
	if _, err := a.feature.Token(t.Context(), userID(tokens), "acme"); !errors.Is(err, provider.ErrNoToken) {
		t.Errorf("after the user took it back at the provider: %v", err)
	}
}

// TestLinkRequired: an account of that address that somebody has proved here is not opened.
func TestLinkRequired(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	u, _ := a.LogIn(email)
	if got := a.browser().flow("ada", ""); got.Get("error") != "link_required" {
		t.Errorf("a verified account: %v", got)
	}
	if code := a.browser().code("POST", "/providers/acme/token", "", members{"id_token": idToken(t, a.acme, "ada", "n"), "nonce": "n"}, 409); code != "link_required" {
		t.Errorf("by ID token: %s", code)
	}
	trusting := newApp(t, func(s *setup) { s.LinkDomains, s.acme = []string{"example.com"}, a.acme })
	u, _ = trusting.LogIn(email)
	if login := trusting.browser().signIn("ada"); userID(login) != u.ID {
		t.Errorf("a provider that may open it logs in to %v", login["user"])
	}
}

// TestRegistrationClosed: no account comes into being by a provider where not everybody may make one, and
// who has one logs in.
func TestRegistrationClosed(t *testing.T) {
	open := newApp(t)
	open.acme.Know("ada", ada)
	open.acme.Know("stranger", openid.Person{Subject: "8", Email: "stranger@elsewhere.example"})
	early := open.browser().flow("ada", "?code_challenge="+challenge()).Get("code") // of before it was closed
	for _, mode := range []kit.RegistrationMode{kit.RegistrationInvited, kit.RegistrationClosed} {
		a := newApp(t, func(s *setup) { s.acme = open.acme }, options(func(o *kit.Options) { o.Registration = mode }))
		b := a.browser()
		if got := b.flow("ada", ""); got.Get("error") != "registration_closed" {
			t.Errorf("%s: the callback leads to %v", mode, got)
		}
		if got := b.flow("stranger", ""); got.Get("error") != "email_unverified" {
			t.Errorf("%s: the callback leads to %v, and so tells whether there is an account", mode, got)
		}
		for path, body := range map[string]members{
			"/providers/exchange":   {"code": early, "code_verifier": verifier},
			"/providers/confirm":    {"token": a.confirmation()},
			"/providers/acme/token": {"id_token": idToken(t, a.acme, "ada", "n"), "nonce": "n"},
		} {
			if code := b.code("POST", path, "", body, 403); code != "registration_closed" {
				t.Errorf("%s: %s: %s", mode, path, code)
			}
		}
		if n := len(a.users()); n != 0 {
			t.Errorf("%s: there are %d accounts", mode, n)
		}
		u, tokens := a.LogIn(email)
		to := b.send("POST", "/providers/acme/link", tokens.AccessToken, nil, 200)["url"].(string)
		b.send("POST", "/providers/exchange", tokens.AccessToken, members{"code": b.back(b.toProvider(b.redirect(to), "ada")).Get("code")}, 200)
		if login := b.signIn("ada"); userID(login) != u.ID {
			t.Errorf("%s: it logs in to %v", mode, login["user"])
		}
	}
}

// TestNoMailer: a native app is told at once that the mail which it would wait for is never sent.
func TestNoMailer(t *testing.T) {
	a := newApp(t, options(func(o *kit.Options) { o.Mailer = nil }))
	a.acme.Know("stranger", openid.Person{Subject: "8", Email: "stranger@elsewhere.example"})
	if code := a.browser().code("POST", "/providers/acme/token", "", members{"id_token": idToken(t, a.acme, "stranger", "n"), "nonce": "n"}, 501); code != "email_not_configured" {
		t.Errorf("got %s", code)
	}
}

// TestIssuerOfTheAnswer is RFC 9207: an answer names who gave it.
func TestIssuerOfTheAnswer(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	a.acme.Names.Store(true)
	a.browser().signIn("ada")
	for name, change := range map[string]func(string) []string{
		"none":    func(string) []string { return nil },
		"another": func(string) []string { return []string{"https://evil.example"} },
		"close":   func(issuer string) []string { return []string{issuer + "/"} },
	} {
		b := a.browser()
		callback := b.toProvider(b.start(""), "ada")
		tokenRequests := a.acme.Called("/oauth/token")
		query := callback.Query()
		if query["iss"] = change(query.Get("iss")); query["iss"] == nil {
			query.Del("iss")
		}
		callback.RawQuery = query.Encode()
		if got := b.back(callback); got.Get("error") == "" || got.Has("code") {
			t.Errorf("%s: %v", name, got)
		}
		if a.acme.Called("/oauth/token") != tokenRequests {
			t.Errorf("%s: the code was sent to the provider", name)
		}
	}
}

// TestNewKeys: the provider signs with another key. It is asked for it once a minute at most.
func TestNewKeys(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	b := a.browser()
	b.signIn("ada")
	for _, alg := range []string{"RS256", "ES256", "RS256"} {
		a.Clock.Advance(2 * time.Minute)
		a.acme.Rotate()
		keys := a.acme.Called("/keys")
		b.signIn("ada")
		b.signIn("ada")
		if got := a.acme.Called("/keys") - keys; got != 1 {
			t.Errorf("%s: %d requests for the keys", alg, got)
		}
	}
	a.acme.Rotate() // within the minute
	keys := a.acme.Called("/keys")
	for range 3 {
		if got := b.flow("ada", ""); got.Get("error") != "provider_unavailable" {
			t.Errorf("a key that is not known yet: %v", got)
		}
	}
	if got := a.acme.Called("/keys") - keys; got != 0 {
		t.Errorf("%d requests for the keys within a minute", got)
	}
	a.Clock.Advance(time.Minute)
	b.signIn("ada")
}

// TestOutage: a provider that is away is an outage, at each step; nothing is stored, and the same
// flow goes on when it is back.
func TestOutage(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	b := a.browser()
	rows := a.rows()
	a.acme.Stop()
	if code := b.code("GET", "/providers/acme/start", "", nil, 503); code != "service_unavailable" {
		t.Errorf("start, cold: %s", code)
	}
	a.acme.Start()
	a.Clock.Advance(5 * time.Second) // so long nobody asks again
	callback := b.toProvider(b.start(""), "ada")
	idToken := idToken(t, a.acme, "ada", "n")
	a.acme.Stop()
	b.code("POST", "/providers/acme/token", "", members{"id_token": idToken, "nonce": "n"}, 503) // the keys are not known
	if got := b.back(callback); got.Get("error") != "provider_unavailable" {
		t.Errorf("the callback: %v", got)
	}
	b.start("") // it is warm
	if after := a.rows(); after != rows {
		t.Errorf("%d rows were stored", after-rows)
	}
	a.acme.Start()
	a.Clock.Advance(5 * time.Second)
	tokens := b.signIn("ada")
	a.acme.Stop()
	if got := b.send("POST", "/refresh", "", members{"refresh_token": tokens["refresh_token"]}, 200); userID(got) != userID(tokens) {
		t.Error("a session depends on the provider")
	}
	a.acme.Start()
	b.send("POST", "/providers/acme/token", "", members{"id_token": idToken, "nonce": "n"}, 200) // which was not used up
}
