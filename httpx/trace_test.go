package httpx

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// listener hears what is traced: each operation with the one around it.
type listener struct {
	mu    sync.Mutex
	open  int
	ended []string
}

type aroundKey struct{}

func (l *listener) trace(ctx context.Context, op kit.Operation) (context.Context, func(string)) {
	around, _ := ctx.Value(aroundKey{}).(string)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	return context.WithValue(ctx, aroundKey{}, op.Name+" > "), func(outcome string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.open--
		l.ended = append(l.ended, around+op.Name+" "+outcome)
	}
}

// take returns what has ended since the last call.
func (l *listener) take(t *testing.T) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open != 0 {
		t.Errorf("%d operations more began than ended", l.open)
	}
	defer func() { l.ended = nil }()
	return l.ended
}

// TestTracedRequests: by the pattern of the route, with the code of the problem, and whatever is no
// route by one name.
func TestTracedRequests(t *testing.T) {
	l := new(listener)
	abort := func(context.Context, kit.Request) (kit.Answer, error) { panic(http.ErrAbortHandler) }
	crash := func(context.Context, kit.Request) (kit.Answer, error) { panic("crash") }
	rg := newRig(t, Options{}, withProbe(kit.Extension{Trace: l.trace, Routes: []kit.Route{
		{Method: "GET", Path: "/abort", Serve: abort}, {Method: "GET", Path: "/crash", Serve: crash},
		{Method: "GET", Path: "/odd", Serve: serving(func() (kit.Answer, error) { return kit.Answer{}, &kit.Problem{Status: 418} })},
	}}))
	token := rg.accessToken(t)
	l.take(t)
	const json, form = "application/json", "application/x-www-form-urlencoded"
	for _, c := range []struct {
		method, path, mediaType, body string
		want                          string // the last to end
		within                        string
	}{
		{"GET", "/auth/me", "", "", "GET /auth/me ok", "GET /auth/me > users.ByID ok"},
		{"HEAD", "/auth/me", "", "", "GET /auth/me ok", ""},
		{"POST", "/auth/login", json, `{"email":"ada@example.com","password":"` + goodPassword + `"}`, "POST /auth/login ok", "POST /auth/login > compare ok"},
		{"POST", "/auth/login", json, `{"email":"ada@example.com","password":"no"}`, "POST /auth/login invalid_credentials", "POST /auth/login > users.ByEmail ok"},
		{"POST", "/auth/login", form, "grant_type=password&username=ada@example.com&password=no", "POST /auth/login invalid_grant", ""},
		{"POST", "/auth/login", json, strings.Repeat(" ", 70_000), "POST /auth/login request_too_large", ""},
		{"POST", "/auth/register", json, "{}", "POST /auth/register validation_failed", ""},
		{"DELETE", "/auth/sessions/secret", "", "", "DELETE /auth/sessions/{id} not_found", ""},
		{"GET", "/auth/secret", "", "", "unmatched not_found", ""},
		{"PUT", "/auth/me", "", "", "unmatched method_not_allowed", ""},
		{"SECRET", "/auth/me", "", "", "unmatched method_not_allowed", ""},
		{"GET", "/auth//me", "", "", "unmatched not_found", ""},
		{"GET", "/auth/crash", "", "", "GET /auth/crash internal_error", ""},
		{"GET", "/auth/odd", "", "", "GET /auth/odd error", ""},
		{"GET", "/auth/abort", "", "", "GET /auth/abort error", ""},
		{"GET", "/verify-email?token=secret", "", "", "GET /verify-email ok", ""},
		{"POST", "/verify-email", form, "token=secret", "POST /verify-email invalid_token", ""},
		{"SECRET", "/verify-email", "", "", "unmatched method_not_allowed", ""},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+token)
		if c.mediaType != "" {
			r.Header.Set("Content-Type", c.mediaType)
		}
		h := http.Handler(rg)
		if !strings.HasPrefix(c.path, "/auth") {
			h = rg.Pages()
		}
		func() {
			defer func() {
				if v, ok := recover().(error); ok != (c.path == "/auth/abort") || ok && !errors.Is(v, http.ErrAbortHandler) {
					t.Errorf("%s: panic: %v", c.path, v)
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), r)
		}()
		got := l.take(t)
		if len(got) == 0 || got[len(got)-1] != c.want || c.within != "" && !slices.Contains(got, c.within) || strings.Contains(strings.ToLower(strings.Join(got, "")), "secret") {
			t.Errorf("%s %s: heard %q, want %s", c.method, c.path, got, c.want)
		}
	}
	// A page that the server makes asks a route, within whatever it is traced as itself.
	rg.svc.Trace(t.Context(), kit.Operation{Kind: kit.OperationRequest, Name: "page"}, func(ctx context.Context) string {
		r := httptest.NewRequest("POST", "/sign-in", nil).WithContext(ctx)
		if _, err := rg.Call(httptest.NewRecorder(), r, "POST /login", map[string]string{"email": "ada@example.com", "password": "no"}); !errors.Is(err, kit.ErrInvalidCredentials) {
			t.Error(err)
		}
		return "ok"
	})
	if got := l.take(t); !slices.Contains(got, "page > POST /auth/login invalid_credentials") {
		t.Errorf("a call: %q", got)
	}
	rg.faults.Inject("users.ByEmail", kittest.Down, 1)
	post(rg, "/auth/login", `{"email":"ada@example.com","password":"`+goodPassword+`"}`)
	if got := l.take(t); !slices.Contains(got, "POST /auth/login service_unavailable") || !slices.Contains(got, "POST /auth/login > users.ByEmail unavailable") {
		t.Errorf("an outage: %q", got)
	}
}
