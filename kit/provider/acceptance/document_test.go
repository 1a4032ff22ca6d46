package acceptance

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/httpx/surface"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/provider"
	"myauth.internal/kit/provider/acceptance/openid"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/throttle"
)

// recorder checks every response of the tests against the document.
var recorder *surface.Recorder

// TestMain ends with what the document says of providers and no test produced.
func TestMain(m *testing.M) {
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // to which zitadel/oidc writes what it refuses
	doc, err := document()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	recorder = surface.NewRecorder(doc)
	code := m.Run()
	whole := true
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		whole = whole && flag.Lookup(name).Value.String() == ""
	}
	if code == 0 && whole {
		for _, outcome := range recorder.Missing() {
			if outcome.String() == "GET /auth/providers 500 internal_error" {
				continue // nothing that could fail is called
			}
			if strings.Contains(outcome.String(), "/providers") || strings.Contains(outcome.String(), "/identities") {
				fmt.Println("in the document, and produced by no test:", outcome)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// document is that of a Service with a provider and the factor of the tests.
func document() (*surface.Document, error) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		return nil, err
	}
	dataKeys, err := seal.NewKeyring([]byte("a data key for tests: 32 bytes.."))
	if err != nil {
		return nil, err
	}
	feature, err := provider.New("https://app.example.com/auth", []string{"https://app.example.com/signed-in"},
		provider.OpenIDConnect(provider.Config{Name: "acme", Issuer: "https://acme.example.com", ClientID: "app"}))
	if err != nil {
		return nil, err
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{DataKeys: dataKeys, Features: []kit.Feature{feature, wordFactor{}}})
	if err != nil {
		return nil, err
	}
	handler, err := httpx.New(svc, nil)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/auth/openapi.json", nil))
	return surface.Load(w.Body.Bytes())
}

// routes are those of providers.
var routes = []struct {
	method, path string
	needs        kit.Access
	body         string // one that is complete
	unsent       bool   // it asks no store, and so answers neither 500 nor 503 for it
}{
	{"GET", "/providers", kit.Public, "", true},
	{"GET", "/providers/acme/start", kit.Public, "", true},
	{"GET", "/providers/acme/callback", kit.Public, "", true},
	{"POST", "/providers/acme/callback", kit.Public, "", true},
	{"POST", "/providers/exchange", kit.PublicOrRecent, `{"code":"x"}`, true},
	{"POST", "/providers/confirm", kit.Public, `{"token":"x"}`, true},
	{"POST", "/providers/acme/token", kit.Public, `{"id_token":"x","nonce":"x"}`, true},
	{"POST", "/providers/acme/link", kit.RecentlySignedIn, "{}", false},
	{"GET", "/identities", kit.SignedIn, "", false},
	{"DELETE", "/identities/AAAA", kit.RecentlySignedIn, "", false},
}

// sendRaw sends a request of any form, whose answer must have a status. token may have several
// lines: a header each.
func (a *app) sendRaw(method, path, token, contentType, body string, status int) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, a.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		a.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for header := range strings.SplitSeq(token, "\n") {
		if header != "" {
			r.Header.Add("Authorization", header)
		}
	}
	res, err := a.client.Transport.RoundTrip(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != status {
		a.t.Errorf("%s %s: %s %s, %v, want %d", method, path, res.Status, text, err, status)
	}
}

// TestFrame produces what the frame answers for each route: the document has no status and no code
// that no test has seen.
func TestFrame(t *testing.T) {
	a := newApp(t)
	const json = "application/json"
	for _, r := range routes {
		u, tokens := a.LogIn(email)
		bearer := ""
		if r.needs != kit.Public && r.needs != kit.PublicOrRecent {
			bearer = "Bearer " + string(tokens.AccessToken)
			a.sendRaw(r.method, r.path, "", json, "{}", 401)
			a.sendRaw(r.method, r.path, "Bearer x", json, "{}", 401)
		}
		a.sendRaw(r.method, r.path, "Bearer x\nBearer y", json, r.body, 400)
		a.sendRaw("PUT", r.path, "", "", "", 405)
		if r.body != "" {
			a.sendRaw(r.method, r.path, bearer, json, "{", 400)
			a.sendRaw(r.method, r.path, bearer, json, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`, 413)
			a.sendRaw(r.method, r.path, bearer, "text/plain", "{}", 415)
		}
		if r.body != "" && r.body != "{}" {
			a.sendRaw(r.method, r.path, bearer, json, "{}", 422)
		}
		if !r.unsent {
			for fault, status := range map[kittest.Fault]int{kittest.Down: 503, kittest.Panic: 500} {
				a.Faults.Inject("*", fault, -1)
				a.sendRaw(r.method, r.path, bearer, json, r.body, status)
				a.Faults.Clear()
			}
		}
		if bearer != "" {
			a.Clock.Advance(31 * time.Minute)
			a.sendRaw(r.method, r.path, bearer, json, r.body, 401) // expired
			_, tokens = a.LogIn(email)
			bearer = "Bearer " + string(tokens.AccessToken)
			if err := a.EndAllSessions(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
			a.sendRaw(r.method, r.path, bearer, json, r.body, 401) // revoked
			_, tokens = a.LogIn(email)
			bearer = "Bearer " + string(tokens.AccessToken)
			if _, err := a.Deactivate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
			a.sendRaw(r.method, r.path, bearer, json, r.body, 403)
			if _, err := a.Activate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// full refuses everything.
type full struct{ off bool }

func (f *full) Begin(context.Context, throttle.Attempt) (throttle.Charge, error) {
	if f.off {
		return noCharge{}, nil
	}
	return nil, &throttle.LimitError{RetryAfter: time.Minute}
}

type noCharge struct{}

func (noCharge) Done(context.Context, throttle.Outcome) {}

// posted returns a callback as the form of a provider that posts its answer.
func posted(callback *url.URL) (path string, form url.Values) {
	return strings.TrimPrefix(callback.Path, "/auth"), callback.Query()
}

// TestRest produces what the document says, and the other tests do not.
func TestRest(t *testing.T) {
	limiter, g := &full{off: true}, &gate{}
	var panics atomic.Bool
	a := newApp(t, strict(g), options(func(o *kit.Options) {
		o.Limiter, o.InsecureUnlimited = limiter, false
		now := o.Now
		o.Now = func() time.Time {
			if panics.Load() {
				panic("no time")
			}
			return now()
		}
	}))
	a.acme.Know("ada", ada)
	a.acme.Know("stranger", openid.Person{Subject: "8", Email: "stranger@elsewhere.example"})
	b := a.browser()
	const form = "application/x-www-form-urlencoded"

	// Starts that are refused.
	u, tokens := a.LogIn(email)
	b.code("GET", "/providers/nobody/start", "", nil, 404)
	b.code("GET", "/providers/acme/start?redirect_to=https://evil.example.org", "", nil, 422)
	b.code("GET", "/providers/acme/start?link=x", "", nil, 401)
	link := strings.TrimPrefix(b.send("POST", "/providers/acme/link", tokens.AccessToken, nil, 200)["url"].(string), a.url)
	a.Clock.Advance(6 * time.Minute)
	if code := b.code("GET", link, "", nil, 401); code != "expired_token" {
		t.Errorf("an old link: %s", code)
	}
	panics.Store(true)
	b.code("GET", "/providers/acme/start", "", nil, 500)
	panics.Store(false)
	b.header = http.Header{"Sec-Fetch-Dest": {"image"}}
	b.code("GET", "/providers/acme/start", "", nil, 403)
	b.header = nil
	b.code("POST", "/providers/nobody/link", tokens.AccessToken, nil, 404)
	b.code("POST", "/providers/acme/link", tokens.AccessToken, members{"redirect_to": "https://evil.example.org"}, 422)
	b.code("POST", "/providers/nobody/token", "", members{"id_token": "x", "nonce": "x"}, 404)
	b.code("POST", "/providers/acme/token", "", members{"id_token": idToken(t, a.acme, "stranger", "n"), "nonce": "n"}, 403)
	a.confirmation()

	// Callbacks: as a form, of nobody, too large, while the limiter is full and the store away.
	b.code("GET", "/providers/nobody/callback", "", nil, 404)
	a.sendRaw("POST", "/providers/nobody/callback", "", form, "state=x", 404)
	a.sendRaw("POST", "/providers/acme/callback", "", form, "state="+strings.Repeat("x", 64<<10), 413)
	a.sendRaw("POST", "/providers/acme/callback", "", "text/plain", "state=x", 415)
	callback := b.toProvider(b.start(""), "ada")
	path, values := posted(callback)
	for fault, status := range map[kittest.Fault]int{kittest.Down: 503, kittest.Panic: 500} {
		a.Faults.Inject("*", fault, -1)
		b.code("GET", path+"?"+callback.RawQuery, "", nil, status)
		b.code("POST", path, "", values, status)
		a.Faults.Clear()
	}
	limiter.off = false
	b.code("GET", path+"?"+callback.RawQuery, "", nil, 429)
	b.code("POST", path, "", values, 429)
	limiter.off = true
	if res, text := b.request("POST", a.url+path, "", values); res.StatusCode != 303 {
		t.Errorf("a form: %s %s", res.Status, text)
	}

	// Each door, while the limiter is full and the store away, and what it answers to a token
	// that is none, too old and used.
	for name, door := range doors {
		path, body := door(b)
		limiter.off = false
		b.code("POST", path, "", body, 429)
		limiter.off = true
		for fault, status := range map[kittest.Fault]int{kittest.Down: 503, kittest.Panic: 500} {
			a.Faults.Inject("*", fault, -1)
			b.code("POST", path, "", body, status)
			a.Faults.Clear()
		}
		b.send("POST", path, "", body, 200)
		if name == "/providers/exchange" {
			path, body = door(b) // the cookie of the other one is gone
			body["code"] = "x"
			b.code("POST", path, "", body, 401)
			body = members{"code": b.flow("ada", "?code_challenge="+challenge()).Get("code"), "code_verifier": verifier}
			b.send("POST", path, "", body, 200)
		}
		if code := b.code("POST", path, "", body, 401); code != "revoked_token" {
			t.Errorf("%s again: %s", name, code)
		}
		for key := range body {
			if key == "code" || key == "token" {
				b.code("POST", path, "", members{key: "x"}, 401)
			}
		}
		path, body = door(b)
		a.Clock.Advance(2 * time.Hour)
		b.code("POST", path, "", body, 401)
		a.Clock.Advance(-2 * time.Hour)
	}

	// Logins that are not recent.
	a.today()
	_, tokens = a.LogIn(email)
	identity := b.identities(tokens.AccessToken)[0]["id"].(string)
	a.Clock.Advance(10*time.Minute - 30*time.Second)
	url := b.send("POST", "/providers/acme/link", tokens.AccessToken, nil, 200)["url"].(string)
	code := b.back(b.toProvider(b.redirect(url), "stranger")).Get("code")
	a.Clock.Advance(31 * time.Second)
	for request, body := range map[string]members{"DELETE /identities/" + identity: nil, "POST /providers/acme/link": {}, "POST /providers/exchange": {"code": code}} {
		method, path, _ := strings.Cut(request, " ")
		if code := b.code(method, path, tokens.AccessToken, body, 401); code != "reauthentication_required" {
			t.Errorf("%s: %s", request, code)
		}
	}

	// Accounts that come between, and identities that are somebody's.
	a.acme.Know("eve", openid.Person{Subject: "9", Email: "eve@example.com", Verified: true})
	code = b.flow("eve", "").Get("code")
	a.LogIn("eve@example.com")
	if code := b.code("POST", "/providers/exchange", "", members{"code": code}, 409); code != "link_required" {
		t.Errorf("an account that came between: %s", code)
	}
	_, eve := a.LogIn("eve@example.com")
	url = b.send("POST", "/providers/acme/link", eve.AccessToken, nil, 200)["url"].(string)
	if code := b.code("POST", "/providers/exchange", eve.AccessToken, members{"code": b.back(b.toProvider(b.redirect(url), "ada")).Get("code")}, 409); code != "already_registered" {
		t.Errorf("somebody else's identity: %s", code)
	}
	for i := range 21 {
		a.acme.Know("many", openid.Person{Subject: fmt.Sprintf("many %d", i)})
		url = b.send("POST", "/providers/acme/link", eve.AccessToken, nil, 200)["url"].(string)
		body := members{"code": b.back(b.toProvider(b.redirect(url), "many")).Get("code")}
		if i < 20 {
			b.send("POST", "/providers/exchange", eve.AccessToken, body, 200)
		} else if code := b.code("POST", "/providers/exchange", eve.AccessToken, body, 409); code != "too_many_identities" {
			t.Errorf("identity %d: %s", i, code)
		}
	}

	// An account that is not verified, and whose identity has another address.
	_, tokens = a.LogIn(email)
	a.acme.Know("late", openid.Person{Subject: "10", Email: "late@elsewhere.example"})
	b.flow("late", "")
	confirmation := a.confirmation()
	b.link("late", tokens.AccessToken)
	g.change(t, u, func(u *kit.User) { u.Verified = false })
	if code := b.code("POST", "/providers/acme/link", tokens.AccessToken, nil, 403); code != "email_not_verified" {
		t.Errorf("an account that is not verified: %s", code)
	}
	if code := b.code("POST", "/providers/confirm", "", members{"token": confirmation}, 403); code != "email_not_verified" {
		t.Errorf("a link to an account that is not verified: %s", code)
	}
}
