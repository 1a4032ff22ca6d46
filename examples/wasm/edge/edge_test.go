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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/http-wasm/http-wasm-host-go/api"
	"github.com/http-wasm/http-wasm-host-go/handler"
	wasm "github.com/http-wasm/http-wasm-host-go/handler/nethttp"
	"github.com/tetratelabs/wazero"

	"myauth.internal/httpx"
	"myauth.internal/kit/accesstoken"
)

const secret = "a secret of the application, 32 bytes or more"

var guest = sync.OnceValues(func() ([]byte, error) {
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
	now := time.Now()
	return must(must(accesstoken.NewSigner(keys, issuer, "myauth")).Sign(accesstoken.Claims{
		Subject: "ada", SessionID: "s1", TokenID: "t1", ClientID: "web", Roles: []string{"admin", "a,b\r\nc"},
		IssuedAt: now.Add(min(until, 0) - time.Minute), ExpiresAt: now.Add(until),
	}))
}

// The guest answers as httpx.RequireToken does, header by header and byte by byte,
// under a shared secret and under a key set.
func TestAnswersAsHTTPX(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hmac := must(accesstoken.HMAC([]byte(secret)))
	asymmetric := must(accesstoken.NewKeyring(must(accesstoken.PrivateKey(accesstoken.EdDSA, "", private))))
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
			native := httpx.RequireToken(verifier)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
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

func TestAlias(t *testing.T) {
	for _, module := range []string{"", "\x00asm", "nothing at all", "\x00asm\x01\x00\x00\x00\x07\xff", "\x00asm\x01\x00\x00\x00\x07\x01\x00"} {
		if out, err := alias([]byte(module), "_initialize", "_start"); err == nil {
			t.Errorf("%q became %q", module, out)
		}
	}
}

// The cost of a request through the guest, beside the same check in Go.
func BenchmarkRequest(b *testing.B) {
	hmac := must(accesstoken.HMAC([]byte(secret)))
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	asymmetric := must(accesstoken.NewKeyring(must(accesstoken.PrivateKey(accesstoken.EdDSA, "", private))))
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, test := range map[string]struct {
		keys   *accesstoken.Keyring
		config any
	}{
		"hmac": {hmac, map[string]any{"hmac_secret": secret}},
		"jwks": {asymmetric, map[string]any{"jwks": json.RawMessage(asymmetric.JWKS())}},
	} {
		token := sign(test.keys, "myauth", time.Hour)
		edge := protect(b, string(must(json.Marshal(test.config))), nothing)
		native := httpx.RequireToken(must(accesstoken.NewVerifier(test.keys, "myauth", "myauth", nil)))(nothing)
		for _, which := range []struct {
			name string
			h    http.Handler
		}{{"myauth", edge}, {"native", native}} {
			b.Run(name+"/"+which.name, func(b *testing.B) {
				b.ReportAllocs()
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				for b.Loop() {
					w := httptest.NewRecorder()
					which.h.ServeHTTP(w, r)
					if w.Code != 200 {
						b.Fatal(w.Code)
					}
				}
			})
		}
	}
}
