package httpx

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
)

const site = "https://app.example.com"

// browser keeps cookies as a browser does, and no clock. It fails its test when an answer lets a
// script, or another host, have a token.
type browser struct {
	t  *testing.T
	h  http.Handler
	mu sync.Mutex
	// cookies are by name; seen are the values of all that there ever were.
	cookies map[string]string
	seen    []string
}

func newBrowser(t *testing.T, h http.Handler) *browser {
	return &browser{t: t, h: h, cookies: map[string]string{}}
}

// signedIn is a browser with a session.
func signedIn(t *testing.T, h http.Handler) *browser {
	t.Helper()
	b := newBrowser(t, h)
	if w := b.send("POST", "/auth/login", loginBody); w.Code != 200 || b.cookies[cookie.Access] == "" || b.cookies[cookie.Refresh] == "" {
		t.Fatalf("the login: %d %s %v", w.Code, w.Body, w.Header())
	}
	return b
}

// another is a browser with the same cookies, such as a thief's.
func (b *browser) another() *browser {
	other := newBrowser(b.t, b.h)
	for name, value := range b.cookies {
		other.cookies[name] = value
	}
	return other
}

// expire makes the access cookie one that its browser has dropped.
func (b *browser) expire() *browser {
	delete(b.cookies, cookie.Access)
	return b
}

func (b *browser) request(method, target, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, site+target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

func (b *browser) send(method, target, body string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, b.request(method, target, body, header...))
	b.keep(w)
	return w
}

// keep does with an answer what a browser does, and looks at it as a script and a proxy may.
func (b *browser) keep(w *httptest.ResponseRecorder) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	response := w.Result()
	names := map[string]bool{}
	for _, c := range response.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.HttpOnly || !c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.MaxAge == 0 {
			b.t.Errorf("the cookie %v", c)
		}
		if names[c.Name] {
			b.t.Errorf("two cookies %s in one answer", c.Name)
		}
		names[c.Name] = true
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
		b.seen = append(b.seen, c.Value)
	}
	if cache := response.Header.Get("Cache-Control"); len(names) > 0 && cache != "no-store" {
		b.t.Errorf("an answer with cookies may be kept by a proxy: Cache-Control %q", cache)
	}
	shown := w.Body.String() + response.Header.Get("Location")
	for _, value := range b.seen {
		if strings.Contains(shown, value) {
			b.t.Errorf("a script can read a token: %d %s", w.Code, shown)
		}
	}
	for _, sign := range []string{`"access_token"`, `"refresh_token"`, `"device_token"`, "myauth_rt_", "myauth_dv_", "eyJ"} {
		document := strings.HasPrefix(shown, `{"openapi"`) && sign == "eyJ" // it has examples of mailed tokens
		if strings.Contains(shown, sign) && !document {
			b.t.Errorf("the answer has %s: %s", sign, shown)
		}
	}
}

// has fails the test unless the cookies of the session are there, or are not.
func (b *browser) has(session bool) {
	b.t.Helper()
	if (b.cookies[cookie.Access] != "") != session || (b.cookies[cookie.Refresh] != "") != session {
		b.t.Errorf("cookies of a session: got %v, want %t", b.cookies, session)
	}
}

// want fails the test unless w has that status, and for a problem that code.
func (b *browser) want(w *httptest.ResponseRecorder, status int, code ...string) {
	b.t.Helper()
	var p kit.Problem
	if w.Code >= 400 {
		_ = json.Unmarshal(w.Body.Bytes(), &p)
	}
	if w.Code != status || len(code) > 0 && p.Code != code[0] {
		b.t.Errorf("got %d %s, want %d %v", w.Code, w.Body, status, code)
	}
}
