package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/http-wasm/http-wasm-host-go/api"
	"github.com/http-wasm/http-wasm-host-go/handler"
	wasm "github.com/http-wasm/http-wasm-host-go/handler/nethttp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

	"myauth.internal/httpx"
	"myauth.internal/kit/accesstoken"
)

// maxSeen is the guest's.
const maxSeen = 1024

const secret = "a secret of the application, 32 bytes or more"

var guest = sync.OnceValues(func() ([]byte, error) {
	// What the compiler reads, go test does not see, and would go on showing an old result.
	if _, err := os.ReadDir("guest"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "edge-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return build(context.Background(), dir)
})

// compiled spares the tests compiling one module again and again.
var compiled = wazero.NewCompilationCache()

// logger keeps what the guest says to its host.
type logger struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logger) IsEnabled(level api.LogLevel) bool { return level == api.LogLevelError }

func (l *logger) Log(_ context.Context, _ api.LogLevel, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(text + "\n")
}

func (l *logger) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func load(tb testing.TB, config string, module wazero.ModuleConfig) (wasm.Middleware, *logger, error) {
	tb.Helper()
	binary, err := guest()
	if err != nil {
		tb.Fatal(err)
	}
	l := new(logger)
	m, err := wasm.NewMiddleware(context.Background(), binary,
		handler.Runtime(func(ctx context.Context) (wazero.Runtime, error) {
			return wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(compiled)), nil
		}),
		handler.GuestConfig([]byte(config)), handler.ModuleConfig(module), handler.Logger(l))
	if err == nil {
		tb.Cleanup(func() { m.Close(context.Background()) })
	}
	return m, l, err
}

// protect puts the guest in front of a handler.
func protect(tb testing.TB, config string, next http.Handler) http.Handler {
	tb.Helper()
	m, l, err := load(tb, config, wazero.NewModuleConfig().WithSysWalltime())
	if err != nil {
		tb.Fatalf("%v: %s", err, l)
	}
	return m.NewHandler(context.Background(), next)
}

// whoAmI answers with what the guest has found out.
func whoAmI(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%q %q %q", r.Header["X-Auth-Subject"], r.Header["X-Auth-Session"], r.Header["X-Auth-Roles"])
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func sign(keys *accesstoken.Keyring, issuer string, until time.Duration) string {
	return signAt(time.Now(), keys, issuer, until)
}

// signAt makes a token that is a minute old at now, unless until is negative.
func signAt(now time.Time, keys *accesstoken.Keyring, issuer string, until time.Duration) string {
	return must(must(accesstoken.NewSigner(keys, issuer, "myauth")).Sign(accesstoken.Claims{
		Subject: "ada", SessionID: "s1", TokenID: "t1", ClientID: "web", Roles: []string{"admin", "a,b\r\nc"},
		IssuedAt: now.Add(min(until, 0) - time.Minute), ExpiresAt: now.Add(until),
	}))
}

// The guest answers as RequireToken of httpx does, header by header and byte by byte,
// under a shared secret and under a key set.
func TestAnswersAsHTTPX(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hmac := must(accesstoken.HMAC([]byte(secret)))
	asymmetric := must(accesstoken.NewKeyring(must(accesstoken.NewKey(accesstoken.EdDSA, "", private))))
	for name, test := range map[string]struct {
		keys   *accesstoken.Keyring
		config string
		other  *accesstoken.Keyring
	}{
		"hmac": {hmac, `{"hmac_secret":"` + secret + `"}`, must(accesstoken.HMAC([]byte("another secret of 32 bytes, or of more")))},
		"jwks": {asymmetric, `{"issuer":"myauth","audience":"myauth","jwks":` + string(asymmetric.JWKS()) + `}`, hmac},
	} {
		t.Run(name, func(t *testing.T) {
			edge := protect(t, test.config, http.HandlerFunc(whoAmI))
			verifier := must(accesstoken.NewVerifier(test.keys, "myauth", "myauth", nil))
			native := must(httpx.NewMiddleware(verifier, nil)).RequireToken(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, "%q %q %q", []string{"ada"}, []string{"s1"}, []string{"admin,a%2Cb%0D%0Ac"})
			}))
			good := sign(test.keys, "myauth", time.Hour)
			head, rest, _ := strings.Cut(good, ".")
			for what, values := range map[string][]string{
				"none":            nil,
				"empty":           {""},
				"good":            {"Bearer " + good},
				"other case":      {"bEARER   " + good},
				"expired":         {"Bearer " + sign(test.keys, "myauth", -time.Minute)},
				"other key":       {"Bearer " + sign(test.other, "myauth", time.Hour)},
				"other issuer":    {"Bearer " + sign(test.keys, "else", time.Hour)},
				"changed":         {"Bearer " + good[:len(good)-2] + "AA"},
				"no signature":    {"Bearer " + good[:strings.LastIndexByte(good, '.')+1]},
				"alg none":        {"Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + rest},
				"header alone":    {"Bearer " + head},
				"garbage":         {"Bearer \x01\xff"},
				"no token":        {"Bearer"},
				"another scheme":  {"Basic YTpi"},
				"two":             {"Bearer " + good, "Bearer " + good},
				"two, one empty":  {"", "Bearer " + good},
				"far too long":    {"Bearer " + strings.Repeat("a", 20000)},
				"space behind it": {"Bearer " + good + " "},
			} {
				ask := func(h http.Handler) *httptest.ResponseRecorder {
					r := httptest.NewRequest(http.MethodGet, "/orders", nil)
					r.Header["Authorization"] = values
					for _, forged := range []string{"X-Auth-Subject", "X-Auth-Session", "X-Auth-Roles"} {
						r.Header[forged] = []string{"mallory", "root"}
					}
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					return w
				}
				got, want := ask(edge), ask(native)
				if got.Code != want.Code || got.Body.String() != want.Body.String() {
					t.Errorf("%s: %d %s\nwant %d %s", what, got.Code, got.Body, want.Code, want.Body)
				}
				for _, name := range []string{"Content-Type", "WWW-Authenticate", "Cache-Control", "X-Content-Type-Options"} {
					if got.Code != 200 && got.Header().Get(name) != want.Header().Get(name) {
						t.Errorf("%s: %s is %q, want %q", what, name, got.Header().Get(name), want.Header().Get(name))
					}
				}
			}
		})
	}
}

// A guest that cannot do its work keeps its host from starting, and says why without
// a word of the secret.
func TestBadConfigurations(t *testing.T) {
	clock := wazero.NewModuleConfig().WithSysWalltime()
	for name, test := range map[string]struct {
		config string
		module wazero.ModuleConfig
		want   string
	}{
		"none":         {"", clock, "JSON object"},
		"no JSON":      {"hmac_secret=" + secret, clock, "JSON object"},
		"no key":       {`{"issuer":"x"}`, clock, "one of hmac_secret and jwks"},
		"both":         {`{"hmac_secret":"` + secret + `","jwks":{"keys":[]}}`, clock, "one of hmac_secret and jwks"},
		"short secret": {`{"hmac_secret":"short and secret"}`, clock, "at least 32 bytes"},
		"misspelt":     {`{"hmac_secret":"` + secret + `","audiance":"x"}`, clock, "audiance"},
		"no issuer":    {`{"hmac_secret":"` + secret + `","issuer":""}`, clock, "issuer"},
		"empty set":    {`{"jwks":{"keys":[]}}`, clock, "none verifies"},
		"a number":     {`{"hmac_secret":1}`, clock, "hmac_secret"},
		"no clock":     {`{"hmac_secret":"` + secret + `"}`, wazero.NewModuleConfig(), "clock"},
	} {
		_, l, err := load(t, test.config, test.module)
		if err == nil {
			t.Errorf("%s: it started", name)
			continue
		}
		said := l.String()
		if !strings.Contains(said, test.want) {
			t.Errorf("%s: it said %q, want something with %q", name, said, test.want)
		}
		if all := said + err.Error(); strings.Contains(all, secret) || strings.Contains(all, "short and secret") {
			t.Errorf("%s: the secret is in %q", name, all)
		}
	}
}

// Many requests at once, good and bad: the host runs several instances.
func TestManyAtOnce(t *testing.T) {
	keys := must(accesstoken.HMAC([]byte(secret)))
	edge := protect(t, `{"hmac_secret":"`+secret+`"}`, http.HandlerFunc(whoAmI))
	good, bad := sign(keys, "myauth", time.Hour), sign(keys, "else", time.Hour)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			<-start
			for j := range 10 {
				token, want := good, 200
				if (i+j)%2 == 0 {
					token, want = bad, 401
				}
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				edge.ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("%d, want %d", w.Code, want)
				}
			}
		})
	}
	close(start)
	all.Wait()
}

// A token that the guest has seen is good as long as a new one would be, even if the clock
// is set back, and no other is good because of it.
func TestTokensSeenBefore(t *testing.T) {
	begin := time.Now()
	now := begin
	clock := wazero.NewModuleConfig().WithWalltime(func() (int64, int32) { return now.Unix(), 0 }, sys.ClockResolution(time.Microsecond))
	m, l, err := load(t, `{"hmac_secret":"`+secret+`"}`, clock)
	if err != nil {
		t.Fatalf("%v: %s", err, l)
	}
	edge := m.NewHandler(t.Context(), http.HandlerFunc(whoAmI))
	ask := func(token string) string {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		edge.ServeHTTP(w, r)
		return fmt.Sprint(w.Code, " ", w.Body)
	}
	keys := must(accesstoken.HMAC([]byte(secret)))
	token := signAt(begin, keys, "myauth", time.Hour)
	const good = `200 ["ada"] ["s1"] ["admin,a%2Cb%0D%0Ac"]`
	for range 3 {
		if got := ask(token); got != good {
			t.Errorf("a good token: %s", got)
		}
	}
	other := signAt(begin, keys, "myauth", time.Minute)
	if got := ask(token[:strings.LastIndexByte(token, '.')] + other[strings.LastIndexByte(other, '.'):]); !strings.Contains(got, "invalid_token") {
		t.Errorf("another signature: %s", got)
	}
	for i := range 2 * maxSeen { // more than it keeps
		if got := ask(signAt(begin, keys, "myauth", 2*time.Hour+time.Duration(i)*time.Second)); got != good {
			t.Fatalf("token %d: %s", i, got)
		}
	}
	ask(token)
	now = now.Add(time.Hour - time.Second)
	if got := ask(token); got != good {
		t.Errorf("in its last second: %s", got)
	}
	now = now.Add(time.Second)
	for range 2 {
		if got := ask(token); !strings.Contains(got, "expired_token") {
			t.Errorf("when its time is over: %s", got)
		}
	}

	// It was made a minute ago, and may seem to be made in a minute at most.
	set := now
	now = begin.Add(-2 * time.Minute)
	if got := ask(token); got != good {
		t.Errorf("the clock set back, by little: %s", got)
	}
	now = now.Add(-time.Second)
	if got := ask(token); !strings.Contains(got, "invalid_token") {
		t.Errorf("the clock set back, to before it was made: %s", got)
	}
	now = set
	if got := ask(token); !strings.Contains(got, "expired_token") {
		t.Errorf("the clock set right again: %s", got)
	}
}

// Hosts differ in what they call to start a guest: see startOnce.
func TestStartsInEveryHost(t *testing.T) {
	good := "Bearer " + sign(must(accesstoken.HMAC([]byte(secret))), "myauth", time.Hour)
	for _, calls := range [][]string{{"_start"}, {"_initialize"}, {"_start", "_initialize"}, {"_initialize", "_start"}, {"_start", "_start"}} {
		t.Run(strings.Join(calls, " "), func(t *testing.T) {
			m, l, err := load(t, `{"hmac_secret":"`+secret+`"}`, wazero.NewModuleConfig().WithSysWalltime().WithStartFunctions(calls...))
			if err != nil {
				t.Fatalf("%v: %s", err, l)
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", good)
			w := httptest.NewRecorder()
			m.NewHandler(t.Context(), http.HandlerFunc(whoAmI)).ServeHTTP(w, r)
			if w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func FuzzStartOnce(f *testing.F) {
	f.Add([]byte(header))
	f.Add([]byte("nothing at all"))
	f.Add([]byte(header + "\x07\xff"))
	f.Add([]byte(header + "\x02\x01\x00\x03\x02\x01\x00\x06\x01\x00\x07\x0f\x01\x0b_initialize\x00\x00\x0a\x01\x00"))
	f.Fuzz(func(t *testing.T, module []byte) {
		out, err := startOnce(module)
		if err == nil && !strings.Contains(string(out), "\x06_start\x00") {
			t.Errorf("%q became %q", module, out)
		}
	})
}

// What goes on to the application fits into what proxies and servers accept as one
// header, and claims that do not fit are not cut.
func TestLongClaims(t *testing.T) {
	keys := must(accesstoken.HMAC([]byte(secret)))
	edge := protect(t, `{"hmac_secret":"`+secret+`"}`, http.HandlerFunc(whoAmI))
	now := time.Now()
	ask := func(subject string, roles ...string) *httptest.ResponseRecorder {
		t.Helper()
		token := must(must(accesstoken.NewSigner(keys, "myauth", "myauth")).Sign(accesstoken.Claims{
			Subject: subject, SessionID: "s1", TokenID: "t1", ClientID: "web", Roles: roles, IssuedAt: now, ExpiresAt: now.Add(time.Hour),
		}))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		edge.ServeHTTP(w, r)
		return w
	}
	const room = 4096
	if w := ask("ada", strings.Repeat("r", room-len("ada"+"s1"))); w.Code != 200 || !strings.Contains(w.Body.String(), "rrr") {
		t.Errorf("as long as it may be: %d", w.Code)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"a long role":    ask("ada", strings.Repeat("r", room)),
		"a strange role": ask("ada", strings.Repeat("é", room/6)), // %C3%A9
		"many roles":     ask("ada", slices.Repeat([]string{"accounts"}, 460)...),
		"a long subject": ask(strings.Repeat("s", room)),
	} {
		if w.Code != 431 || !strings.Contains(w.Body.String(), `"code":"claims_too_large"`) || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := ask("ada\r\nX-Auth-Roles: admin"); w.Code != 200 || !strings.Contains(w.Body.String(), "ada%0D%0AX-Auth-Roles:%20admin") {
		t.Errorf("a subject with lines: %d %s", w.Code, w.Body)
	}
}

// The cost of a request through the guest, beside the same check in Go: with a token that
// it has seen, and with one that it has not, or no longer.
func BenchmarkRequest(b *testing.B) {
	hmac := must(accesstoken.HMAC([]byte(secret)))
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	asymmetric := must(accesstoken.NewKeyring(must(accesstoken.NewKey(accesstoken.EdDSA, "", private))))
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, test := range map[string]struct {
		keys   *accesstoken.Keyring
		config any
	}{
		"hmac": {hmac, map[string]any{"hmac_secret": secret}},
		"jwks": {asymmetric, map[string]any{"jwks": json.RawMessage(asymmetric.JWKS())}},
	} {
		edge := protect(b, string(must(json.Marshal(test.config))), nothing)
		native := must(httpx.NewMiddleware(must(accesstoken.NewVerifier(test.keys, "myauth", "myauth", nil)), nil)).RequireToken(nothing)
		for _, tokens := range []struct {
			name string
			n    int
		}{{"same", 1}, {"new", 2 * maxSeen}} {
			var requests []*http.Request
			for i := range tokens.n {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Authorization", "Bearer "+sign(test.keys, "myauth", time.Hour+time.Duration(i)*time.Second))
				requests = append(requests, r)
			}
			for _, which := range []struct {
				name string
				h    http.Handler
			}{{"myauth", edge}, {"native", native}} {
				next := 0 // not from the start in each run, since the guest lives on
				b.Run(name+"/"+tokens.name+"/"+which.name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						w := httptest.NewRecorder()
						which.h.ServeHTTP(w, requests[next])
						next = (next + 1) % len(requests)
						if w.Code != 200 {
							b.Fatal(w.Code)
						}
					}
				})
			}
		}
	}
}
