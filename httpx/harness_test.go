package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

const goodPassword = "Engine#1843!"

// logs is a log that tests read.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// entries returns what was logged, one decoded entry a line.
func (l *logs) entries(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []map[string]any
	for dec := json.NewDecoder(bytes.NewReader(l.text.Bytes())); ; {
		var entry map[string]any
		if err := dec.Decode(&entry); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry)
	}
}

// rig is a handler over a Service in memory, with one account.
type rig struct {
	*Handler
	svc    *kit.Service
	stores kit.Stores // with the faults
	keys   *accesstoken.Keyring
	kit    kit.Options
	opts   Options
	faults *kittest.Faults
	clock  *kittest.Clock
	log    *logs
	user   kit.User
}

func newRig(tb testing.TB, opts Options, change ...func(*kit.Options)) *rig {
	tb.Helper()
	rg := &rig{
		faults: &kittest.Faults{},
		clock:  kittest.NewClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)),
		log:    &logs{},
	}
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		tb.Fatal(err)
	}
	kitOpts := kit.Options{
		BcryptCost: 4, InsecureFastHash: true, InsecureUnlimited: true, Now: rg.clock.Now,
		OnEvent: func(context.Context, kit.Event) {},
	}
	for _, c := range change {
		c(&kitOpts)
	}
	rg.stores, rg.keys, rg.kit = rg.faults.Stores(memstore.New().Stores()), keys, kitOpts
	rg.svc, err = kit.New(rg.stores, keys, &kitOpts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { rg.svc.Close(context.Background()) })
	rg.user, err = rg.svc.Register(tb.Context(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: goodPassword})
	if err != nil {
		tb.Fatal(err)
	}
	opts.Logger = slog.New(slog.NewJSONHandler(rg.log, nil))
	if rg.Handler, err = New(rg.svc, &opts); err != nil {
		tb.Fatal(err)
	}
	rg.opts = opts
	return rg
}

// another is the handler of a second instance over the same stores.
func (rg *rig) another(tb testing.TB) *Handler {
	tb.Helper()
	svc, err := kit.New(rg.stores, rg.keys, &rg.kit)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { svc.Close(context.Background()) })
	h, err := New(svc, &rg.opts)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// verify makes the account's address a verified one.
func (rg *rig) verify(tb testing.TB) {
	tb.Helper()
	u, err := rg.stores.Users.ByID(tb.Context(), rg.user.ID)
	if err == nil {
		u.Verified = true
		err = rg.stores.Users.Update(tb.Context(), u)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// accessToken logs the account in.
func (rg *rig) accessToken(tb testing.TB) string {
	tb.Helper()
	tokens, err := rg.svc.Login(tb.Context(), "ada@example.com", goodPassword)
	if err != nil {
		tb.Fatal(err)
	}
	return string(tokens.AccessToken)
}

// do serves one request; header has a name and a value in turn.
func do(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func post(h http.Handler, target, body string) *httptest.ResponseRecorder {
	return do(h, http.MethodPost, target, body, "Content-Type", "application/json")
}

// wantProblem fails t unless w is a problem of that status and code, with the headers
// that every answer has; it returns the problem.
func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) kit.Problem {
	t.Helper()
	var p kit.Problem
	header := w.Result().Header
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Errorf("not a problem: %d %v %q: %v", w.Code, header, w.Body, err)
		return p
	}
	if w.Code != status || p.Status != status || p.Code != code || p.Type != "urn:myauth:error:"+code || p.Title == "" || p.Detail == "" {
		t.Errorf("got %d %s, want %d %s", w.Code, w.Body, status, code)
	}
	for name, want := range map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	return p
}

// codes lists the field errors of a problem as field:code.
func codes(p kit.Problem) string {
	var all []string
	for _, f := range p.Errors {
		all = append(all, f.Field+":"+f.Code)
	}
	return strings.Join(all, " ")
}
