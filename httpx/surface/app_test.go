package surface

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/metrics"
)

// recorder checks every response of every test.
var recorder *Recorder

// TestMain ends with what the document says and no test produced.
func TestMain(m *testing.M) {
	flag.Parse()
	text, err := servedDocument("/auth")
	if err == nil {
		var doc *Document
		if doc, err = Load(text); err == nil {
			recorder = NewRecorder(doc)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 && wholeRun() {
		for _, outcome := range recorder.Missing() {
			fmt.Println("in the document, and produced by no test:", outcome)
			code = 1
		}
	}
	os.Exit(code)
}

// servedDocument returns what GET /openapi.json answers under a prefix.
func servedDocument(prefix string) ([]byte, error) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		return nil, err
	}
	var opts kit.Options
	if err := addFeatures(&opts, &pin{}); err != nil {
		return nil, err
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &opts)
	if err != nil {
		return nil, err
	}
	handler, err := httpx.New(svc, &httpx.Options{Prefix: prefix, Cookies: inCookieMode()})
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", prefix+"/openapi.json", nil))
	return w.Body.Bytes(), nil
}

// wholeRun reports whether no flag left tests out.
func wholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return true
}

const (
	goodPassword  = "Str0ng!Passw0rd"
	otherPassword = "An0ther!Secret9"
	testEmail     = "Ada@Example.com"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// setup is what a test may change before its app starts.
type setup struct {
	kit.Options
	http httpx.Options
	keys *accesstoken.Keyring
	doc  *Recorder
	pin  *pin
	// of is an app whose stores the new one has too, as another instance; nil: it has its own.
	of *app
	// users stands between the Service and its users, if it is there.
	users func(kit.UserStore) kit.UserStore
}

// app is the whole of MyAuth over memory behind a real server, with everything
// that can be watched or broken.
type app struct {
	*kit.Service
	t      *testing.T
	url    string
	prefix string
	client *http.Client
	clock  *kittest.Clock
	mailer *kittest.Mailer
	faults *kittest.Faults
	log    *syncBuffer
	// bearers has the access tokens that send adds, by path.
	bearers map[string]string
	pin     *pin
	stores  kit.Stores // without faults
	taint   *taint
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newApp(t *testing.T, change ...func(*setup)) *app {
	t.Helper()
	a := &app{t: t, clock: kittest.NewClock(start), mailer: &kittest.Mailer{}, faults: &kittest.Faults{}, log: &syncBuffer{}, bearers: map[string]string{}}
	a.taint = &taint{mailer: a.mailer, metrics: metrics.New()}
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	logger := newLogger(a.log, &a.taint.jsonLog)
	c := &setup{
		Options: kit.Options{
			BcryptCost: 4, InsecureFastHash: true,
			Mailer: a.taint, PublicURL: "https://app.example.com",
			InsecureUnlimited: true, MailDelay: time.Millisecond,
			Logger: logger, Now: a.clock.Now,
		},
		http: httpx.Options{Prefix: "/auth", Logger: logger, Cookies: inCookieMode()},
		keys: keys,
		doc:  recorder,
		pin:  &pin{},
	}
	if err := addFeatures(&c.Options, c.pin); err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(c)
	}
	c.Features = append(c.Features, a.taint, a.taint.metrics)
	if c.of != nil {
		a.stores = c.of.stores
	} else {
		a.stores = openStores(t)
	}
	stores := a.faults.Stores(a.stores)
	if c.users != nil {
		stores.Users = c.users(stores.Users)
	}
	if a.Service, err = kit.New(stores, c.keys, &c.Options); err != nil {
		t.Fatal(err)
	}
	a.prefix, a.pin = c.http.Prefix, c.pin
	handler, err := httpx.New(a.Service, &c.http)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelError)
	server.Start()
	a.url = server.URL
	a.client = &http.Client{
		Transport:     c.doc.Transport(t, tainted{a.taint, server.Client().Transport}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}
	if inCookieMode() {
		a.client.Transport = browser{a.client.Transport}
	}
	t.Cleanup(func() {
		server.Close()
		a.faults.Clear()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = a.Close(ctx)
		a.taint.check(a)
	})
	return a
}

// answer is a response that has been read.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   string
}

// send makes a request. headers are "Name: value" lines. A path may bring its own method, as
// "PATCH /me" does.
func (a *app) send(method, path, body string, headers ...string) answer {
	a.t.Helper()
	return a.sendBody(method, path, strings.NewReader(body), headers...)
}

func (a *app) sendBody(method, path string, body io.Reader, headers ...string) answer {
	a.t.Helper()
	if own, rest, ok := strings.Cut(path, " "); ok {
		method, path = own, rest
	}
	request, err := http.NewRequest(method, a.url+a.prefix+path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Add(name, value)
	}
	if token := a.bearers[path]; token != "" && request.Header["Authorization"] == nil {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := a.client.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer{a.t, method + " " + path, response.StatusCode, response.Header, string(text)}
}

// route sends a request to a route: a method and a path. A body is JSON.
func (a *app) route(route, body string, headers ...string) answer {
	a.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	if body != "" {
		headers = append(headers, "Content-Type: application/json")
	}
	return a.send(method, path, body, headers...)
}

// twoAuthorizations wants a route to refuse two Authorization headers.
func (a *app) twoAuthorizations(route, body string) {
	a.t.Helper()
	a.route(route, body, "Authorization: Bearer x", "Authorization: Bearer y").is(400, "malformed_request")
}

// post sends one JSON object: fields are names and values in turn.
func (a *app) post(path string, fields ...any) answer {
	a.t.Helper()
	return a.send("POST", path, object(fields...), "Content-Type: application/json")
}

// object makes a JSON object of names and values in turn.
func object(fields ...any) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; i < len(fields); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(fields[i+1])
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "%q:%s", fields[i], value)
	}
	b.WriteByte('}')
	return b.String()
}

// is wants that status, and for errors that code.
func (r answer) is(status int, code ...string) answer {
	r.t.Helper()
	want := ""
	if len(code) > 0 {
		want = code[0]
	}
	if got := r.code(); r.status != status || got != want {
		r.t.Fatalf("%s: %d %s, want %d %s\n%s", r.what, r.status, got, status, want, r.body)
	}
	return r
}

func (r answer) code() string { return code([]byte(r.body)) }

// decode reads the body into v.
func (r answer) decode(v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		r.t.Fatalf("%s: %v\n%s", r.what, err, r.body)
	}
}

// invalid wants a 422 with exactly these broken rules, each "field code", in order.
func (r answer) invalid(rules ...string) {
	r.t.Helper()
	r.is(422, "validation_failed")
	var problem struct{ Errors []kit.FieldError }
	r.decode(&problem)
	var got []string
	for _, e := range problem.Errors {
		got = append(got, e.Field+" "+e.Code)
	}
	if strings.Join(got, ", ") != strings.Join(rules, ", ") {
		r.t.Errorf("%s: %q, want %q", r.what, got, rules)
	}
}

// same wants two answers that are the same in status, headers and body.
func (r answer) same(other answer) {
	r.t.Helper()
	a, b := r.header.Clone(), other.header.Clone()
	a.Del("Date")
	b.Del("Date")
	if r.status != other.status || r.body != other.body || fmt.Sprint(a) != fmt.Sprint(b) {
		r.t.Errorf("these differ:\n%s: %d %v %s\n%s: %d %v %s", r.what, r.status, a, r.body, other.what, other.status, b, other.body)
	}
}

// user is a User as clients see it.
type user struct {
	ID, Email, Username string
	Roles               []string
	Settings            json.RawMessage `json:"user_settings"`
	Verified            bool            `json:"is_verified"`
	Active              bool            `json:"is_active"`
}

// tokens are Tokens as clients see them.
type tokens struct {
	Access           string `json:"access_token"`
	ExpiresIn        int    `json:"expires_in"`
	Refresh          string `json:"refresh_token"`
	RefreshExpiresIn int    `json:"refresh_token_expires_in"`
	User             user
	Device           string `json:"device_token"`
}

func (r answer) user() (u user) {
	r.t.Helper()
	r.decode(&u)
	return u
}

func (r answer) tokens() (tk tokens) {
	r.t.Helper()
	r.decode(&tk)
	return tk
}

// register creates the account of most tests.
func (a *app) register() user {
	a.t.Helper()
	return a.post("/register", "email", testEmail, "username", "Ada", "password", goodPassword).is(201).user()
}

// stranger registers an address that is not theirs, and returns the token that its owner
// is mailed.
func (a *app) stranger(email string) string {
	a.t.Helper()
	a.post("/register", "email", email, "username", "x", "password", goodPassword).is(201)
	return string(a.mail(kit.MailVerification).Token)
}

func (a *app) tryLogin(password string) answer {
	a.t.Helper()
	return a.post("/login", "email", testEmail, "password", password)
}

func (a *app) login() tokens {
	a.t.Helper()
	return a.tryLogin(goodPassword).is(200).tokens()
}

// tokenOf logs a verified account in, which it makes first, and returns its access token.
func (a *app) tokenOf(email string) string {
	a.t.Helper()
	verification := a.stranger(email)
	a.verify(verification).is(204)
	return a.post("/login", "email", email, "password", goodPassword).is(200).tokens().Access
}

func (a *app) refresh(token string) answer {
	a.t.Helper()
	return a.post("/refresh", "refresh_token", token)
}

func (a *app) logout(token string) answer {
	a.t.Helper()
	return a.post("/logout", "refresh_token", token)
}

func (a *app) me(accessToken string) answer {
	a.t.Helper()
	return a.send("GET", "/me", "", "Authorization: Bearer "+accessToken)
}

// mail returns the next mail, which must be of that kind.
func (a *app) mail(kind kit.MailKind) kit.Mail {
	a.t.Helper()
	sent := a.next()
	if sent.Kind != kind {
		a.t.Fatalf("the next mail is %q, want %s", sent.Kind, kind)
	}
	return sent
}

// next returns the next mail.
func (a *app) next() kit.Mail {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	sent, err := a.mailer.Next(ctx)
	if err != nil {
		a.t.Fatal("no mail came:", err)
	}
	return sent
}

// resetToken asks for a reset and returns the mailed token.
func (a *app) resetToken() string {
	a.t.Helper()
	a.post("/password-reset-request", "email", testEmail).is(202)
	return string(a.mail(kit.MailPasswordReset).Token)
}

func (a *app) reset(token, password string) answer {
	a.t.Helper()
	return a.post("/password-reset", "token", token, "new_password", password)
}

func (a *app) verify(token string) answer {
	a.t.Helper()
	return a.post("/verify-email", "token", token)
}
