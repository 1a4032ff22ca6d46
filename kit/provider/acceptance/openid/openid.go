// Package openid is a real OpenID provider for tests, by zitadel/oidc, with people who log in there.
package openid

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Person is a user of the OpenID provider.
type Person struct {
	Subject, Email, Name string
	Verified             bool
}

// Provider is a real OpenID provider on a listener, by zitadel/oidc: its protocol, with people, a
// login page and clients of the tests.
type Provider struct {
	t      testing.TB
	Issuer string
	Server *httptest.Server
	op     *op.Provider
	// Names: the answer names the issuer, and the metadata promises it (RFC 9207).
	Names atomic.Bool
	calls sync.Map // how often each path was asked for: *atomic.Int64

	storage
}

// New starts a provider. An issuer that is not its address is one that the transport, or a
// browser that is told so, finds there by TLS.
func New(t testing.TB, issuer string, clients ...Client) *Provider {
	t.Helper()
	o := &Provider{t: t, Issuer: issuer, storage: storage{
		people: map[string]Person{}, clients: map[string]client{}, requests: map[string]*request{}, codes: map[string]string{}, grants: map[string]*grant{},
	}}
	o.Register(clients...)
	o.Rotate()
	o.Server = httptest.NewUnstartedServer(o)
	if issuer == "" {
		o.Issuer = "http://" + o.Server.Listener.Addr().String()
		o.Server.Start()
	} else {
		o.Server.StartTLS()
	}
	t.Cleanup(func() { o.Server.Close() })
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true, SupportedScopes: []string{"openid", "email", "profile", "offline_access"}}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.op, err = op.NewProvider(config, &o.storage, op.StaticIssuer(o.Issuer), op.WithAllowInsecure()); err != nil {
		t.Fatal(err)
	}
	return o
}

// ServeHTTP is the provider and its login page.
func (o *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	calls, _ := o.calls.LoadOrStore(r.URL.Path, new(atomic.Int64))
	calls.(*atomic.Int64).Add(1)
	if query := r.URL.Query(); r.URL.Path == "/authorize" && !strings.Contains(query.Get("scope"), "openid") {
		query.Set("scope", "openid "+query.Get("scope")) // which Apple does not want
		r.URL.RawQuery = query.Encode()
	}
	switch {
	case r.URL.Path == "/login":
		o.login(w, r)
	case o.Names.Load():
		o.serveWithIssuer(w, r)
	default:
		o.op.ServeHTTP(w, r)
	}
}

// Called returns how often a path was asked for.
func (o *Provider) Called(path string) int64 {
	if calls, ok := o.calls.Load(path); ok {
		return calls.(*atomic.Int64).Load()
	}
	return 0
}

// serveWithIssuer adds RFC 9207, which zitadel/oidc does not have.
func (o *Provider) serveWithIssuer(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	o.op.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		body = append([]byte(`{"authorization_response_iss_parameter_supported":true,`), body[1:]...)
	case "/authorize/callback":
		to, err := url.Parse(answer.Header().Get("Location"))
		if err != nil {
			o.t.Error(err)
			return
		}
		query := to.Query()
		query.Set("iss", o.Issuer)
		to.RawQuery = query.Encode()
		answer.Header().Set("Location", to.String())
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// login shows who may log in, and takes a choice: somebody's key, or nobody's, which denies it.
func (o *Provider) login(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	authRequest, err := o.AuthRequestByID(r.Context(), id)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodGet {
		fmt.Fprintf(w, `<!doctype html><title>Log in</title><form method="post" action="/login"><input type="hidden" name="id" value="%s">`, id)
		for _, key := range o.everybody() {
			fmt.Fprintf(w, `<button name="person" value="%s" id="%[1]s">%[1]s</button>`, key)
		}
		fmt.Fprint(w, `<button name="person" value="" id="nobody">Cancel</button></form>`)
		return
	}
	if key := r.FormValue("person"); !o.choose(id, key) {
		op.AuthRequestError(w, r, authRequest, oidc.ErrAccessDenied(), o.op)
		return
	}
	http.Redirect(w, r, op.AuthCallbackURL(o.op)(op.ContextWithIssuer(r.Context(), o.Issuer), id), http.StatusFound)
}

// Stop takes the provider off the network.
func (o *Provider) Stop() { o.Server.Close() }

// Start brings it back at the same address.
func (o *Provider) Start() {
	o.t.Helper()
	address := o.Server.Listener.Addr().String()
	server := httptest.NewUnstartedServer(o)
	_ = server.Listener.Close()
	var err error
	if server.Listener, err = net.Listen("tcp", address); err != nil {
		o.t.Fatal(err)
	}
	if o.Server.TLS == nil {
		server.Start()
	} else {
		server.StartTLS()
	}
	o.Server = server
}

// Register adds clients to the provider.
func (o *Provider) Register(clients ...Client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range clients {
		o.clients[c.ID] = client{is: c}
	}
}

// Visit is a browser at the provider: somebody logs in, or nobody does. It returns where that
// leads out of the provider.
func (o *Provider) Visit(at *url.URL, person string) *url.URL {
	o.t.Helper()
	browser := http.Client{Transport: o.Transport(), CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), o.Issuer+"/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Get(at.String())
	if err == nil && res.Request.URL.Path == "/login" {
		res.Body.Close()
		res, err = browser.PostForm(res.Request.URL.String(), url.Values{"id": {res.Request.URL.Query().Get("id")}, "person": {person}})
	}
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		text, _ := io.ReadAll(res.Body)
		o.t.Fatalf("the provider answered %s: %s", res.Status, text)
	}
	return to
}

// Transport finds the provider wherever it is said to be.
func (o *Provider) Transport() *http.Transport {
	transport := o.Server.Client().Transport.(*http.Transport).Clone()
	if o.Server.TLS != nil {
		transport.TLSClientConfig.InsecureSkipVerify = true // its certificate is that of httptest, for another name
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, o.Server.Listener.Addr().String())
		}
	}
	return transport
}

// storage is what the provider keeps. The methods that no test needs are missing.
type storage struct {
	op.Storage

	mu       sync.Mutex
	people   map[string]Person // by a key of the tests
	clients  map[string]client
	requests map[string]*request
	codes    map[string]string // IDs of requests
	grants   map[string]*grant // by refresh token
	key      signingKey
	keySet   []op.Key
}

// Client is an application that is registered at the provider.
type Client struct {
	ID, RedirectURI string
	Native          bool // without a secret
	Bare            bool // its ID tokens say only who it is
	// CheckSecret checks the secret; nil: it is "secret".
	CheckSecret func(secret string) error
}

// client is a Client as zitadel/oidc wants it.
type client struct {
	op.Client
	is Client
}

func (c client) GetID() string                    { return c.is.ID }
func (c client) RedirectURIs() []string           { return []string{c.is.RedirectURI} }
func (client) ResponseTypes() []oidc.ResponseType { return []oidc.ResponseType{oidc.ResponseTypeCode} }
func (client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}
func (client) LoginURL(id string) string            { return "/login?id=" + url.QueryEscape(id) }
func (client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (client) IDTokenLifetime() time.Duration       { return 10 * time.Minute }
func (client) DevMode() bool                        { return true } // redirect URIs by http
func (client) IsScopeAllowed(string) bool           { return false }
func (client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (client) ClockSkew() time.Duration             { return 0 }
func (client) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:staticcheck // the name is that of zitadel/oidc
	return func(scopes []string) []string { return scopes }
}

func (client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c client) ApplicationType() op.ApplicationType {
	if c.is.Native {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

func (c client) AuthMethod() oidc.AuthMethod {
	switch {
	case c.is.Native:
		return oidc.AuthMethodNone
	case c.is.CheckSecret != nil:
		return oidc.AuthMethodPost
	}
	return oidc.AuthMethodBasic
}

// request is a login that has begun, and that of a grant.
type request struct {
	oidc.AuthRequest
	id, subject string
	done        bool
}

func (r *request) GetID() string             { return r.id }
func (r *request) GetACR() string            { return "" }
func (r *request) GetAMR() []string          { return []string{"pwd"} }
func (r *request) GetAudience() []string     { return []string{r.ClientID} }
func (r *request) GetAuthTime() time.Time    { return time.Now() }
func (r *request) GetClientID() string       { return r.ClientID }
func (r *request) GetNonce() string          { return r.Nonce }
func (r *request) GetScopes() []string       { return r.Scopes }
func (r *request) GetSubject() string        { return r.subject }
func (r *request) Done() bool                { return r.done }
func (r *request) SetCurrentScopes([]string) {}
func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// grant is a refresh token.
type grant struct{ *request }

type signingKey struct {
	id  string
	key any
	alg jose.SignatureAlgorithm
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return k.alg }

type publicKey struct {
	signingKey
	public any
}

func (k publicKey) Key() any                           { return k.public }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return k.alg }
func (k publicKey) Use() string                        { return "sig" }

// Rotate makes the provider sign with another key from now on, and forget the one before the last.
// ES256 and RS256 take turns.
func (s *storage) Rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var public any
	if s.key.alg == jose.ES256 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		s.key, public = signingKey{key: key, alg: jose.RS256}, key.Public()
	} else {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		s.key, public = signingKey{key: key, alg: jose.ES256}, key.Public()
	}
	s.key.id = rand.Text()
	s.keySet = append(s.keySet[max(0, len(s.keySet)-1):], publicKey{s.key, public})
}

// Know adds or changes a person.
func (s *storage) Know(key string, p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[key] = p
}

func (s *storage) everybody() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key := range s.people {
		keys = append(keys, key)
	}
	return keys
}

// choose says who logs in. It reports whether it is anybody.
func (s *storage) choose(id, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.people[key]
	if ok {
		s.requests[id].subject, s.requests[id].done = p.Subject, true
	}
	return ok
}

var errUnknown = errors.New("unknown")

func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("no PKCE with S256")
	}
	made := &request{AuthRequest: *r, id: rand.Text()}
	s.requests[made.id] = made
	return made, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.requests[id]; ok {
		return r, nil
	}
	return nil, errUnknown
}

func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

// DeleteAuthRequest ends a request and with it its code, which so works once.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), time.Now().Add(5 * time.Minute), nil
}

func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.grants, current)
	next := rand.Text()
	switch r := r.(type) {
	case *request:
		s.grants[next] = &grant{r}
	case *grant:
		s.grants[next] = r
	}
	return rand.Text(), next, time.Now().Add(5 * time.Minute), nil
}

func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.grants[token]; ok {
		return g, nil
	}
	return nil, errUnknown
}

// Forget takes all refresh tokens back.
func (s *storage) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.grants)
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key, nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keySet, nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.clients[id]; ok {
		return c, nil
	}
	return nil, errUnknown
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[id]
	switch {
	case c.is.CheckSecret != nil:
		return c.is.CheckSecret(secret)
	case c.is.Native || secret != "secret":
		return errUnknown
	}
	return nil
}

func (*storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	s.mu.Lock()
	bare := s.clients[r.GetClientID()].is.Bare
	s.mu.Unlock()
	if bare {
		info.Subject = r.GetSubject()
		return nil
	}
	return s.describe(info, r.GetSubject())
}

func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, _, subject, _ string) error {
	return s.describe(info, subject)
}

func (s *storage) describe(info *oidc.UserInfo, subject string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		if p.Subject == subject {
			info.Subject, info.Name, info.Email, info.EmailVerified = p.Subject, p.Name, p.Email, oidc.Bool(p.Verified)
			return nil
		}
	}
	return errUnknown
}

func (*storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (*storage) Health(context.Context) error { return nil }
