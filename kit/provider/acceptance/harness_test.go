package acceptance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/provider"
	"myauth.internal/kit/provider/acceptance/openid"
)

const email = "ada@example.com"

type members = map[string]any

func raw(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// app is the API over TLS, with sign-in at a real OpenID provider, which is called acme.
type app struct {
	*kittest.Kit
	t       testing.TB
	feature *provider.Feature
	server  *httptest.Server
	acme    *openid.Provider
	url     string // of the API
	target  string // the page that a login returns to
	client  *http.Client
	visit   func(at *url.URL, person string) *url.URL // to the provider, and back

	mu   sync.Mutex
	seen []*http.Request // by the server
}

// setting changes an app before it starts.
type setting func(*setup)

type setup struct {
	provider.Config
	options []func(*kit.Options)
	acme    *openid.Provider                        // one that is there already
	preset  func(provider.Config) provider.Provider // if it is not any OpenID provider
	origin  func(address string) string             // if it is not its address
	bare    bool                                    // ID tokens say only who it is
	// checkSecret is how the provider checks the client's secret, if it is no password.
	checkSecret func(string) error
	unchecked   bool // responses may be others than the document says
}

func options(change ...func(*kit.Options)) setting {
	return func(s *setup) { s.options = append(s.options, change...) }
}

func newApp(t testing.TB, change ...setting) *app {
	t.Helper()
	a := &app{t: t, server: httptest.NewUnstartedServer(nil)}
	s := setup{origin: func(address string) string { return "https://" + address }, preset: provider.OpenIDConnect, Config: provider.Config{
		Name: "acme", Label: "Acme", ClientID: "app", ClientSecret: "secret", NativeClientIDs: []string{"native"},
		EmailDomains: []string{"example.com"}, AllowPrivate: true,
	}}
	for _, c := range change {
		c(&s)
	}
	origin := s.origin(a.server.Listener.Addr().String())
	a.url, a.target = origin+"/auth", origin+"/signed-in"
	if a.acme = s.acme; a.acme == nil {
		a.acme = openid.New(t, "")
	}
	a.acme.Register(openid.Client{ID: "app", RedirectURI: a.url + "/providers/acme/callback", CheckSecret: s.checkSecret, Bare: s.bare}, openid.Client{ID: "native", RedirectURI: "http://127.0.0.1/native", Native: true})
	a.visit = func(at *url.URL, person string) *url.URL { return a.acme.Visit(at, person) }
	s.Issuer = a.acme.Issuer
	var err error
	if a.feature, err = provider.New(a.url, []string{a.target}, s.preset(s.Config)); err != nil {
		t.Fatal(err)
	}
	a.Kit = kittest.New(t.(kittest.TB), append([]func(*kit.Options){func(o *kit.Options) {
		o.Features = []kit.Feature{a.feature, wordFactor{}}
	}}, s.options...)...)
	a.today()
	auth, err := httpx.New(a.Service, &httpx.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	a.server.Config.Handler = a.withPages(auth)
	if strings.HasPrefix(origin, "https:") {
		a.server.StartTLS()
	} else {
		a.server.Start()
	}
	t.Cleanup(a.server.Close)
	a.client = &http.Client{Transport: a.server.Client().Transport}
	if !s.unchecked {
		a.client.Transport = recorder.Transport(t, a.client.Transport)
	}
	return a
}

// today sets the clock to the time that the provider, which is a real one, lives in.
func (a *app) today() { a.Clock.Advance(time.Since(a.Clock.Now())) }

// confirmation is the token of the next mail that proves an address.
func (a *app) confirmation() string {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		mail, err := a.Mailer.Next(ctx)
		if err != nil {
			a.t.Fatal(err)
		}
		if mail.Kind == provider.MailConfirm {
			return string(mail.Token)
		}
	}
}

// rows counts what is stored: the accounts, the tokens and the credentials.
func (a *app) rows() int {
	a.t.Helper()
	users := a.users()
	n := len(users)
	for _, store := range []kit.TokenStore{a.Store.Tokens(), a.Store.Credentials()} {
		for _, id := range append([]string{""}, ids(users)...) {
			rows, err := store.ByUser(context.Background(), id, "", 1000)
			if err != nil {
				a.t.Fatal(err)
			}
			n += len(rows)
		}
	}
	return n
}

func (a *app) users() []kit.User {
	a.t.Helper()
	users, err := a.Store.Users().List(context.Background(), "", 1000)
	if err != nil {
		a.t.Fatal(err)
	}
	return users
}

func ids(users []kit.User) (ids []string) {
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

// browser is one browser: it keeps cookies, and follows no redirect by itself.
type browser struct {
	*app
	http   http.Client
	header http.Header // of its requests
}

func (a *app) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return &browser{app: a, http: http.Client{
		Transport:     a.client.Transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// request sends a request, and returns what came back. A body of url.Values is a form.
func (b *browser) request(method, url string, token kit.Secret, body any) (*http.Response, []byte) {
	b.t.Helper()
	text, contentType := encode(body)
	r, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	maps.Copy(r.Header, b.header)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+string(token))
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res, answer
}

// decode reads an answer, which may be empty.
func decode(r io.Reader, m *members) error {
	err := json.NewDecoder(r).Decode(m)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func encode(body any) (text []byte, contentType string) {
	switch body := body.(type) {
	case nil:
		return nil, ""
	case url.Values:
		return []byte(body.Encode()), "application/x-www-form-urlencoded"
	}
	return raw(body), "application/json"
}

// send wants a status, and returns the members of the answer.
func (b *browser) send(method, path string, token kit.Secret, body any, status int) members {
	b.t.Helper()
	res, text := b.request(method, b.url+path, token, body)
	if res.StatusCode != status {
		b.t.Fatalf("%s %s: %s %s, want %d", method, path, res.Status, text, status)
	}
	m := members{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &m); err != nil {
			b.t.Fatal(err)
		}
	}
	return m
}

// code sends a request whose answer must be an error, and returns its code.
func (b *browser) code(method, path string, token kit.Secret, body any, status int) string {
	b.t.Helper()
	code, _ := b.send(method, path, token, body, status)["code"].(string)
	return code
}

// redirect follows one redirect of the application.
func (b *browser) redirect(url string) *url.URL {
	b.t.Helper()
	res, text := b.request("GET", url, "", nil)
	if res.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("GET %s: %s %s, want 303", url, res.Status, text)
	}
	to, err := res.Location()
	if err != nil {
		b.t.Fatal(err)
	}
	return to
}

// verifier is a PKCE verifier of the application, and its challenge.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// start begins a login, and returns where at the provider the browser goes.
func (b *browser) start(query string) *url.URL {
	b.t.Helper()
	return b.redirect(b.url + "/providers/acme/start" + query)
}

// toProvider goes to the provider, where somebody logs in, and returns the callback with the answer.
func (b *browser) toProvider(at *url.URL, person string) *url.URL {
	b.t.Helper()
	return b.visit(at, person)
}

// back goes to the callback, and returns the parameters of the target.
func (b *browser) back(callback *url.URL) url.Values {
	b.t.Helper()
	to := b.redirect(callback.String())
	if page, _, _ := strings.Cut(to.String(), "?"); page != b.target {
		b.t.Fatalf("the callback leads to %s", to)
	}
	return to.Query()
}

// flow is a whole flow until the target, whose parameters it returns.
func (b *browser) flow(person, query string) url.Values {
	b.t.Helper()
	return b.back(b.toProvider(b.start(query), person))
}

// signIn signs in by a flow, and returns the tokens.
func (b *browser) signIn(person string) members {
	b.t.Helper()
	return b.send("POST", "/providers/exchange", "", members{"code": b.flow(person, "").Get("code")}, 200)
}

func access(tokens members) kit.Secret { return kit.Secret(tokens["access_token"].(string)) }

func userID(tokens members) string { return tokens["user"].(members)["id"].(string) }

// identities lists the user's.
func (b *browser) identities(token kit.Secret) []members {
	b.t.Helper()
	var list []members
	for _, identity := range b.send("GET", "/identities", token, nil, 200)["identities"].([]any) {
		list = append(list, identity.(members))
	}
	return list
}

// idToken logs somebody in to the native app, and returns the ID token.
func idToken(t testing.TB, o *openid.Provider, person, nonce string) string {
	t.Helper()
	at, err := url.Parse(o.Issuer + "/authorize")
	if err != nil {
		t.Fatal(err)
	}
	at.RawQuery = url.Values{
		"client_id": {"native"}, "redirect_uri": {"http://127.0.0.1/native"}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {"x"}, "nonce": {nonce}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}.Encode()
	code := o.Visit(at, person).Query().Get("code")
	browser := http.Client{Transport: o.Transport()}
	res, err := browser.PostForm(o.Issuer+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"native"}, "redirect_uri": {"http://127.0.0.1/native"}, "code": {code}, "code_verifier": {verifier},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var tokens struct {
		IDToken string `json:"id_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&tokens); err != nil || tokens.IDToken == "" {
		t.Fatalf("the provider answered %s, %v", res.Status, err)
	}
	return tokens.IDToken
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
func (b *browser) enroll(access kit.Secret) kit.Secret {
	b.t.Helper()
	shown := b.send("POST", "/mfa/word", access, nil, 201)
	confirmed := b.send("POST", "/mfa/word/confirm", access, members{"state": shown["state"], "code": "please"}, 200)
	return kit.Secret(confirmed["access_token"].(string))
}
