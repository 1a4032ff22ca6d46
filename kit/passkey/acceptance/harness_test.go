package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/passkey"
	"myauth.internal/kit/passkey/internal/authenticator"
)

const (
	email  = "ada@example.com"
	origin = "https://example.com"
)

type members = map[string]any

// app is the API with passkeys, and a second factor that a word answers.
type app struct {
	*kittest.Kit
	t      testing.TB
	url    string
	client *http.Client // checks each response against the document, if there is one
	mu     sync.Mutex
	events []kit.Event
}

func newApp(t testing.TB, change ...func(*kit.Options)) *app {
	feature, err := passkey.New("example.com", &passkey.Options{RPName: "Example", Origins: []string{origin}})
	if err != nil {
		t.Fatal(err)
	}
	a := newAppWith(t, feature, change...)
	if recorder != nil && len(change) == 0 {
		a.client = &http.Client{Transport: recorder.Transport(t, http.DefaultTransport)}
	}
	return a
}

func newAppWith(t testing.TB, feature kit.Feature, change ...func(*kit.Options)) *app {
	a := &app{t: t, client: http.DefaultClient}
	a.Kit = kittest.New(t.(kittest.TB), append([]func(*kit.Options){func(o *kit.Options) {
		o.Features = []kit.Feature{feature, wordFactor{}}
		o.OnEvent = func(_ context.Context, e kit.Event) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.events = append(a.events, e)
		}
	}}, change...)...)
	a.url = a.serve(a.Service)
	return a
}

// serve serves a Service, and returns the prefix of its API.
func (a *app) serve(svc *kit.Service) string {
	auth, err := httpx.New(svc, &httpx.Options{Logger: slog.New(slog.NewTextHandler(a.t.Output(), nil))})
	if err != nil {
		a.t.Fatal(err)
	}
	server := httptest.NewServer(auth)
	a.t.Cleanup(server.Close)
	return server.URL + "/auth"
}

// heard reports whether there was an event of a kind, and forgets all.
func (a *app) heard(kind kit.EventKind) (found bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.events {
		found = found || e.Kind == kind
	}
	a.events = nil
	return found
}

// request sends a request, and returns what came back.
func (a *app) request(method, url string, token any, body any) (*http.Response, []byte) {
	a.t.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, url, reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	switch token := token.(type) {
	case string:
		r.Header.Set("Authorization", "Bearer "+token)
	case kit.Secret:
		r.Header.Set("Authorization", "Bearer "+string(token))
	}
	res, err := a.client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res, text
}

// send wants a status, and returns the members of the answer.
func (a *app) send(method, path string, token any, body any, status int) members {
	a.t.Helper()
	res, text := a.request(method, a.url+path, token, body)
	if res.StatusCode != status {
		a.t.Fatalf("%s %s: %s %s, want %d", method, path, res.Status, text, status)
	}
	m := members{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &m); err != nil {
			a.t.Fatal(err)
		}
	}
	return m
}

func raw(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// add registers a new passkey of the user of an access token.
func (a *app) add(access kit.Secret, alg int) *authenticator.Passkey {
	a.t.Helper()
	p := authenticator.New(alg, origin)
	options := a.send("POST", "/passkeys/options", access, nil, 200)
	a.send("POST", "/passkeys", access, members{"state": options["state"], "credential": p.Create(raw(options))}, 201)
	return p
}

// signed returns the body of a login by a passkey.
func (a *app) signed(p *authenticator.Passkey) members {
	a.t.Helper()
	options := a.send("POST", "/login/passkey/options", nil, nil, 200)
	return members{"state": options["state"], "credential": p.Get(raw(options))}
}

// wordFactor is a second factor that the word "please" answers.
type wordFactor struct{}

func (wordFactor) Name() string { return "word" }

func (f wordFactor) Attach(*kit.Core) (kit.Extension, error) { return kit.Extension{Factor: f}, nil }

func (wordFactor) Enroll(context.Context, kit.User, kit.Body) (kit.Prompt, error) {
	return kit.Prompt{State: []byte("x")}, nil
}

func (wordFactor) Confirm(_ context.Context, _ kit.User, _ []byte, answer kit.Body) ([]byte, error) {
	return []byte("x"), check(answer)
}

func (wordFactor) Challenge(context.Context, kit.User, []byte) (kit.Prompt, error) {
	return kit.Prompt{}, nil
}

func (wordFactor) Verify(_ context.Context, _ kit.User, _, _ []byte, answer kit.Body) (kit.Proof, error) {
	return kit.Proof{AMR: []string{"kba"}}, check(answer)
}

func check(answer kit.Body) error {
	word, err := answer.One(kit.Field{Name: "code"})
	if err == nil && word != "please" {
		err = kit.ErrInvalidCode
	}
	return err
}

// enroll sets up the word, and returns the access token from then on.
func (a *app) enroll(access kit.Secret) kit.Secret {
	a.t.Helper()
	shown := a.send("POST", "/mfa/word", access, nil, 201)
	confirmed := a.send("POST", "/mfa/word/confirm", access, members{"state": shown["state"], "code": "please"}, 200)
	return kit.Secret(confirmed["access_token"].(string))
}
