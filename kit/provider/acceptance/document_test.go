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
	"os"
	"strings"
	"testing"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/httpx/surface"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/provider"
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

// fullLimiter refuses everything.
type fullLimiter struct{}

func (fullLimiter) Begin(context.Context, throttle.Attempt) (throttle.Charge, error) {
	return nil, &throttle.LimitError{RetryAfter: time.Minute}
}
