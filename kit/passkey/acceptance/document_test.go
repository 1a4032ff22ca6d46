package acceptance

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
	"myauth.internal/kit/passkey"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/throttle"
)

// recorder checks every response of the tests against the document.
var recorder *surface.Recorder

// TestMain ends with what the document says of passkeys and no test produced.
func TestMain(m *testing.M) {
	flag.Parse()
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
			if strings.Contains(outcome.String(), "passkey") {
				fmt.Println("in the document, and produced by no test:", outcome)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// document is that of a Service with passkeys and the factor of the tests.
func document() (*surface.Document, error) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		return nil, err
	}
	dataKeys, err := seal.NewKeyring([]byte("a data key for tests: 32 bytes.."))
	if err != nil {
		return nil, err
	}
	feature, err := passkey.New("example.com", nil)
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

// routes are those of passkeys.
var routes = []struct {
	method, path string
	needs        kit.Access
	body         bool
}{
	{"POST", "/passkeys/options", kit.RecentlySignedIn, false},
	{"POST", "/passkeys", kit.RecentlySignedIn, true},
	{"GET", "/passkeys", kit.SignedIn, false},
	{"PATCH", "/passkeys/AAAA", kit.RecentlySignedIn, true},
	{"DELETE", "/passkeys/AAAA", kit.RecentlySignedIn, false},
	{"POST", "/login/passkey/options", kit.Public, false},
	{"POST", "/login/passkey", kit.Public, true},
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
	res, err := a.client.Do(r)
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
		if r.needs != kit.Public {
			bearer = "Bearer " + string(tokens.AccessToken)
			a.sendRaw(r.method, r.path, "", json, "{}", 401)
			a.sendRaw(r.method, r.path, "Bearer x", json, "{}", 401)
			a.sendRaw(r.method, r.path, "Bearer x\nBearer y", json, "{}", 400)
		}
		a.sendRaw("PUT", r.path, "", "", "", 405)
		if r.body {
			a.sendRaw(r.method, r.path, bearer, json, "{", 400)
			a.sendRaw(r.method, r.path, bearer, json, "{}", 422)
			a.sendRaw(r.method, r.path, bearer, json, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`, 413)
			a.sendRaw(r.method, r.path, bearer, "text/plain", "{}", 415)
		}
		for fault, status := range map[kittest.Fault]int{kittest.Down: 503, kittest.Panic: 500} {
			if r.path == "/login/passkey/options" {
				break // it asks no store
			}
			body := ""
			if r.body {
				body = string(raw(members{"state": "x", "credential": members{}, "name": "x"}))
			}
			if r.path == "/login/passkey" {
				p := a.add(tokens.AccessToken, -8)
				body = string(raw(a.signed(p)))
			}
			a.Faults.Inject("*", fault, -1)
			a.sendRaw(r.method, r.path, bearer, json, body, status)
			a.Faults.Clear()
		}
		if r.needs != kit.Public {
			a.Clock.Advance(31 * time.Minute)
			a.sendRaw(r.method, r.path, bearer, json, "{}", 401) // expired
			_, tokens = a.LogIn(email)
			bearer = "Bearer " + string(tokens.AccessToken)
			if err := a.EndAllSessions(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
			a.sendRaw(r.method, r.path, bearer, json, "{}", 401) // revoked
			_, tokens = a.LogIn(email)
			bearer = "Bearer " + string(tokens.AccessToken)
			if _, err := a.Deactivate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
			a.sendRaw(r.method, r.path, bearer, json, "{}", 403)
			if _, err := a.Activate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// checked makes an app with other options whose responses are checked too.
func checked(t *testing.T, change func(*kit.Options)) *app {
	a := newApp(t, change)
	a.client = &http.Client{Transport: recorder.Transport(t, http.DefaultTransport)}
	return a
}

// fullLimiter refuses everything.
type fullLimiter struct{}

func (fullLimiter) Begin(context.Context, throttle.Attempt) (throttle.Charge, error) {
	return nil, &throttle.LimitError{RetryAfter: time.Minute}
}

// TestRest produces what the document says, and the other tests do not.
func TestRest(t *testing.T) {
	var panics atomic.Bool
	a := checked(t, func(o *kit.Options) {
		now := o.Now
		o.Now = func() time.Time {
			if panics.Load() {
				panic("no time")
			}
			return now()
		}
	})
	a.sendRaw("POST", "/login/passkey/options", "Bearer x\nBearer y", "", "", 400)
	panics.Store(true)
	a.sendRaw("POST", "/login/passkey/options", "", "", "", 500)
	panics.Store(false)

	u, tokens := a.LogIn(email)
	p := a.add(tokens.AccessToken, -8)
	login := a.signed(p)
	if _, err := a.Deactivate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	if refused := a.send("POST", "/login/passkey", nil, login, 403); refused["code"] != "account_disabled" {
		t.Errorf("got %v", refused)
	}

	limited := checked(t, func(o *kit.Options) { o.Limiter, o.InsecureUnlimited = fullLimiter{}, false })
	_, tokens = limited.LogIn(email)
	p = limited.add(tokens.AccessToken, -8) // which the limiter is not asked for
	limited.send("POST", "/login/passkey", nil, limited.signed(p), 429)

	g := &gate{}
	strict := checked(t, func(o *kit.Options) {
		o.RequireVerifiedEmail = true
		o.Features = append(o.Features, g)
	})
	u, tokens = strict.LogIn(email)
	p = strict.add(tokens.AccessToken, -8)
	options := strict.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)
	another := members{"state": options["state"], "credential": p.Create(raw(options))}
	g.change(t, u, func(u *kit.User) { u.Verified = false })
	if refused := strict.send("POST", "/login/passkey", nil, strict.signed(p), 403); refused["code"] != "email_not_verified" {
		t.Errorf("got %v", refused)
	}
	strict.send("POST", "/passkeys", tokens.AccessToken, another, 403)
}
