package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

const loginBody = `{"email":"ada@example.com","password":"Engine#1843!"}`

// wantLogged fails t unless exactly one thing was logged, with the stack and these
// words in it.
func wantLogged(t *testing.T, l *logs, words ...string) {
	t.Helper()
	entries := l.entries(t)
	if len(entries) != 1 {
		t.Fatalf("%d entries were logged, want 1: %v", len(entries), entries)
	}
	text := fmt.Sprint(entries[0])
	for _, word := range append(words, "goroutine ", "httpx") {
		if !strings.Contains(text, word) {
			t.Errorf("the log has no %q: %s", word, text)
		}
	}
	if strings.Contains(text, "Engine#1843") {
		t.Errorf("the log has the password: %s", text)
	}
}

func TestPanic(t *testing.T) {
	rg := newRig(t, Options{}, func(o *kit.Options) {
		o.Hooks.BeforeLogin = func(context.Context, kit.User) error { panic("a bug in a hook") }
	})
	w := post(rg, "/auth/login", loginBody)
	wantProblem(t, w, http.StatusInternalServerError, "internal_error")
	if strings.Contains(w.Body.String(), "hook") {
		t.Errorf("the answer tells: %s", w.Body)
	}
	wantLogged(t, rg.log, "a bug in a hook", "POST /auth/login", "faults_test.go")
}

func TestPanicOfAStore(t *testing.T) {
	rg := newRig(t, Options{})
	token := rg.accessToken(t)
	rg.faults.Inject("users.ByID", kittest.Panic, 1)
	w := do(rg, http.MethodGet, "/auth/me", "", "Authorization", "Bearer "+token)
	wantProblem(t, w, http.StatusInternalServerError, "internal_error")
	wantLogged(t, rg.log, "GET /auth/me")
	if w = do(rg, http.MethodGet, "/auth/me", "", "Authorization", "Bearer "+token); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestAbortHandlerGoesThrough(t *testing.T) {
	rg := newRig(t, Options{}, func(o *kit.Options) {
		o.Hooks.BeforeLogin = func(context.Context, kit.User) error { panic(http.ErrAbortHandler) }
	})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("got panic %v", v)
		}
		if entries := rg.log.entries(t); len(entries) > 0 {
			t.Errorf("logged: %v", entries)
		}
	}()
	post(rg, "/auth/login", loginBody)
}

func TestBrokenStore(t *testing.T) {
	rg := newRig(t, Options{})
	rg.faults.Inject("users.ByEmail", kittest.Broken, 1)
	wantProblem(t, post(rg, "/auth/login", loginBody), http.StatusInternalServerError, "internal_error")
	wantLogged(t, rg.log, "users.ByEmail")
}

func TestStoreDown(t *testing.T) {
	rg := newRig(t, Options{})
	token := rg.accessToken(t)
	rg.faults.Inject("*", kittest.Down, -1)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"login": post(rg, "/auth/login", loginBody),
		"me":    do(rg, http.MethodGet, "/auth/me", "", "Authorization", "Bearer "+token),
	} {
		wantProblem(t, w, http.StatusServiceUnavailable, "service_unavailable")
		if got := w.Header().Get("Retry-After"); got != "1" {
			t.Errorf("%s: Retry-After %q", name, got)
		}
	}
	if entries := rg.log.entries(t); len(entries) > 0 {
		t.Errorf("an outage is no bug, but was logged: %v", entries)
	}
}

// A client that has gone gets no answer, and the log no noise, whatever its absence
// turned into on the way.
func TestClientGone(t *testing.T) {
	for name, cause := range map[string]error{"plain": nil, "with a cause": errors.New("the connection was reset")} {
		t.Run(name, func(t *testing.T) {
			rg := newRig(t, Options{})
			ctx, cancel := context.WithCancelCause(t.Context())
			rg.faults.Inject("users.ByEmail", kittest.Hang, 1)
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/auth/login", strings.NewReader(loginBody))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			go cancel(cause)
			rg.ServeHTTP(w, r)
			wantProblem(t, w, http.StatusServiceUnavailable, "service_unavailable")
			if entries := rg.log.entries(t); len(entries) > 0 {
				t.Errorf("logged: %v", entries)
			}
		})
	}
	t.Run("but a panic is one", func(t *testing.T) {
		rg := newRig(t, Options{}, func(o *kit.Options) {
			o.Hooks.BeforeLogin = func(ctx context.Context, _ kit.User) error {
				ctx.Value(cancelKey{}).(context.CancelFunc)()
				panic("a bug")
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(context.WithValue(ctx, cancelKey{}, cancel), http.MethodPost, "/auth/login", strings.NewReader(loginBody))
		r.Header.Set("Content-Type", "application/json")
		rg.ServeHTTP(httptest.NewRecorder(), r)
		wantLogged(t, rg.log, "a bug")
	})
}

type cancelKey struct{}
