package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/seal"
)

// phone keeps the messages that were sent.
type phone struct {
	mu   sync.Mutex
	sent []string
}

func (p *phone) send(_ context.Context, _, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, text)
	return nil
}

// code is the last that was sent.
func (p *phone) code(t testing.TB) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == 0 {
		t.Fatal("no message was sent")
	}
	return regexp.MustCompile(`[0-9]{6}`).FindString(p.sent[len(p.sent)-1])
}

func dataKeys(t testing.TB) *seal.Keyring {
	keys, err := seal.NewKeyring([]byte("a data key for tests: 32 bytes.."))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// service returns a Service over memory.
func service(t *testing.T, opts kit.Options) (*kit.Service, error) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	opts.BcryptCost, opts.InsecureFastHash = 4, true
	svc, err := kit.New(memstore.New().Stores(), keys, &opts)
	if err == nil {
		t.Cleanup(func() { svc.Close(context.Background()) })
	}
	return svc, err
}

// client is a client of the API.
type client struct {
	t   *testing.T
	url string
}

// send sends a request and returns the members of the answer.
func (c client) send(method, path, token string, body any, wantStatus int) map[string]any {
	c.t.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = strings.NewReader(string(text))
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != wantStatus {
		c.t.Fatalf("%s %s: %s %s, %v, want %d", method, path, res.Status, text, err, wantStatus)
	}
	members := map[string]any{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &members); err != nil {
			c.t.Fatal(err)
		}
	}
	return members
}

type members = map[string]any

// TestOverHTTP is the life of one account: terms before the first session, a factor, a login
// with both.
func TestOverHTTP(t *testing.T) {
	messages := &phone{}
	mailer := &kittest.Mailer{}
	var events sync.Map
	svc, err := service(t, kit.Options{
		DataKeys: dataKeys(t), Mailer: mailer, PublicURL: "https://app.example.com",
		Features: []kit.Feature{textFactor{send: messages.send}, termsFeature{version: "1"}},
		OnEvent:  func(_ context.Context, e kit.Event) { events.Store(e.Kind, e.UserID) },
	})
	if err != nil {
		t.Fatal(err)
	}
	auth, err := httpx.New(svc, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(auth)
	defer server.Close()
	c := client{t, server.URL + "/auth"}

	const email, password = "ada@example.com", "Engine#1843!"
	c.send("POST", "/register", "", members{"email": email, "username": "Ada", "password": password}, 201)
	verification, err := mailer.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.send("POST", "/verify-email", "", members{"token": string(verification.Token)}, 204)

	login := members{"email": email, "password": password}
	refused := c.send("POST", "/login", "", login, 403)
	if refused["code"] != "terms_required" || refused["version"] != "1" {
		t.Fatalf("the first login: %v", refused)
	}
	tokens := c.send("POST", "/terms/accept", "", members{"terms_token": refused["terms_token"]}, 200)
	if mail, err := mailer.Next(t.Context()); err != nil || mail.Kind != accepted || mail.Data["version"] != "1" {
		t.Errorf("the mail after the acceptance: %v, %v", mail.Kind, err)
	}
	if user, _ := events.Load(kit.EventKind(accepted)); user == nil {
		t.Error("the acceptance is no event")
	}
	c.send("POST", "/terms/accept", "", members{"terms_token": refused["terms_token"]}, 401)
	c.send("POST", "/login", "", login, 200)

	access := tokens["access_token"].(string)
	c.send("POST", "/mfa/text", access, members{"number": "0123"}, 422)
	shown := c.send("POST", "/mfa/text", access, members{"number": "+441632960123"}, 201)
	c.send("POST", "/mfa/text/confirm", access, members{"state": shown["state"], "code": "wrong"}, 401)
	confirmed := c.send("POST", "/mfa/text/confirm", access, members{"state": shown["state"], "code": messages.code(t)}, 200)
	if confirmed["refresh_token"] != nil || shown["sent_to"] != "…23" {
		t.Errorf("enrolled: %v", confirmed)
	}
	c.send("GET", "/me", access, nil, 401)
	access = confirmed["access_token"].(string)
	factors := c.send("GET", "/mfa", access, nil, 200)["factors"].([]any)
	if len(factors) != 1 || factors[0].(members)["type"] != "text" {
		t.Errorf("factors: %v", factors)
	}

	half := c.send("POST", "/login", "", login, 403)
	if half["code"] != "mfa_required" || len(half["methods"].([]any)) != 2 {
		t.Fatalf("a login: %v", half)
	}
	step := members{"mfa_token": half["mfa_token"], "method": "text"}
	shown = c.send("POST", "/login/mfa/begin", "", step, 200)
	step["state"], step["code"] = shown["state"], "000000x"
	c.send("POST", "/login/mfa", "", step, 401)
	step["code"] = messages.code(t)
	tokens = c.send("POST", "/login/mfa", "", step, 200)
	c.send("POST", "/login/mfa", "", step, 401)
	access = tokens["access_token"].(string)
	c.send("DELETE", "/mfa/text", access, nil, 204)
	c.send("POST", "/login", "", login, 200)
}

// TestListedAndNothingElse: what the options list is mounted and described, and nothing of it
// is there without.
func TestListedAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		features []kit.Feature
		paths    []string
	}{
		"none":  {nil, nil},
		"terms": {[]kit.Feature{termsFeature{version: "1"}}, []string{"/auth/terms/accept"}},
		"text":  {[]kit.Feature{textFactor{}}, []string{"/auth/mfa", "/auth/mfa/{name}", "/auth/mfa/{name}/confirm", "/auth/mfa/recovery-codes", "/auth/login/mfa", "/auth/login/mfa/begin"}},
	} {
		svc, err := service(t, kit.Options{DataKeys: dataKeys(t), Features: c.features})
		if err != nil {
			t.Fatal(name, err)
		}
		auth, err := httpx.New(svc, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		answer := httptest.NewRecorder()
		auth.ServeHTTP(answer, httptest.NewRequest("GET", "/auth/openapi.json", nil))
		var document struct{ Paths map[string]any }
		if err := json.Unmarshal(answer.Body.Bytes(), &document); err != nil {
			t.Fatal(name, err)
		}
		for _, path := range []string{"/auth/terms/accept", "/auth/mfa", "/auth/mfa/{name}", "/auth/mfa/{name}/confirm", "/auth/mfa/recovery-codes", "/auth/login/mfa", "/auth/login/mfa/begin"} {
			listed := slices.Contains(c.paths, path)
			if document.Paths[path] != nil != listed {
				t.Errorf("%s: the document has %s: %v", name, path, !listed)
			}
			answer := httptest.NewRecorder()
			auth.ServeHTTP(answer, httptest.NewRequest("PUT", strings.ReplaceAll(path, "{name}", "text"), nil))
			if found := answer.Code == http.StatusMethodNotAllowed; found != listed {
				t.Errorf("%s: PUT %s: %d", name, path, answer.Code)
			}
		}
	}
}

func TestAFactorNeedsDataKeys(t *testing.T) {
	if _, err := service(t, kit.Options{Features: []kit.Feature{textFactor{}}}); !errors.Is(err, kit.ErrNoDataKeys) {
		t.Errorf("kit.New: got %v, want kit.ErrNoDataKeys", err)
	}
}
