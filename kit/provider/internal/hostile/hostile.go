// Package hostile is an OpenID provider for tests that lies in every way it is told to.
//
//	p := hostile.New(t)
//	c := provider.Config{Issuer: p.Issuer, ClientID: hostile.ClientID, ClientSecret: hostile.ClientSecret,
//		Transport: p.Transport()}
//	p.Script(func(s *hostile.Script) { s.Claims = hostile.JSON{"email": "ada@example.com", "email_verified": true} })
//	request := p.Login(startLocation) // what the browser brings to the callback: a GET, or the POST of a form
//	if p.Count(hostile.Token) != 1 { … }
//
// It needs no port: its transport ends at the provider for every host name, so it also plays
// accounts.google.com (set Script.Issuer), and it works within testing/synctest.
package hostile

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the application has registered, unless the script says something else.
const (
	ClientID     = "client-of-myauth"
	ClientSecret = "a secret of at least 32 bytes, so that HS256 takes it"
)

// Endpoint is an endpoint of the provider.
type Endpoint string

// The endpoints, by what their paths end with. The same work is done for what others call them:
// /auth, /access_token, /certs and the like.
const (
	Metadata  Endpoint = "/.well-known/openid-configuration"
	Authorize Endpoint = "/authorize"
	Token     Endpoint = "/token"
	Keys      Endpoint = "/keys"
)

var aliases = map[string]Endpoint{"/auth": Authorize, "/access_token": Token, "/certs": Keys, "/jwks": Keys}

// JSON is an object: claims, a header, an answer.
type JSON = map[string]any

// Script is what the provider does. The zero value is an honest provider.
type Script struct {
	// Issuer is the issuer, with all endpoints below it.
	Issuer string
	// ClientID and ClientSecret are the client that the token endpoint knows: by client_secret_basic or
	// client_secret_post. Client replaces that check.
	ClientID, ClientSecret string
	Client                 func(id, secret string) bool
	// Now is the clock of what is issued.
	Now func() time.Time

	// Metadata, Answer, Tokens, Header and Claims are laid over the honest members of the metadata, the
	// authorization response (string values), the token response, and the header and the claims of
	// ID tokens. A member whose value is nil is left out.
	Metadata, Answer, Tokens, Header, Claims JSON
	// Alg signs ID tokens: RS256 (if empty), PS256, ES256, EdDSA, none, or HS256 with the client secret.
	Alg string
	// Sign, if set, replaces the signature over the first two parts of the ID token.
	Sign func(signed string) []byte
	// Rewrite, if set, changes the text of the claims before they are signed.
	Rewrite func(claims string) string
	// Keys, if set, replaces the members of the key set.
	Keys []any
	// Before, if set, is called when a request has come, and may keep it waiting.
	Before func(Endpoint)
	// Instead, if set for an endpoint, answers in its place.
	Instead map[Endpoint]http.Handler
	// CodeAgain: a code is good more than once.
	CodeAgain bool
}

// Provider is the provider.
type Provider struct {
	Issuer string // the first one

	t      testing.TB
	server *httptest.Server
	listen *listener
	mux    *http.ServeMux
	// browser is the one of Login: its connection stays, so that logins are quick.
	browser *http.Client

	mu     sync.Mutex
	script Script
	count  map[Endpoint]int
	codes  map[string]grant
	used   map[string]bool
	keys   keyring
	last   url.Values
}

// New starts a provider, which ends with the test.
func New(t testing.TB) *Provider {
	p := &Provider{
		Issuer: "https://id.example.test",
		t:      t,
		listen: newListener(),
		mux:    http.NewServeMux(),
		count:  map[Endpoint]int{},
		codes:  map[string]grant{},
		used:   map[string]bool{},
		keys:   newKeyring("1", firstRSA()),
	}
	p.script = Script{Issuer: p.Issuer, ClientID: ClientID, ClientSecret: ClientSecret, Now: time.Now}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	_ = p.server.Listener.Close() // a port, which is not needed
	p.server.Listener = p.listen
	p.server.StartTLS()
	t.Cleanup(p.server.Close)
	p.browser = p.Client()
	return p
}

// Transport returns a transport that ends at the provider, whatever the host is.
func (p *Provider) Transport() *http.Transport {
	roots := x509.NewCertPool()
	roots.AddCert(p.server.Certificate())
	tr := &http.Transport{
		DialContext:     p.listen.dial,
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12},
	}
	p.t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// Client returns a client with [Provider.Transport] that follows no redirect: a browser.
func (p *Provider) Client() *http.Client {
	return &http.Client{
		Transport:     p.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Script changes what the provider does from now on.
func (p *Provider) Script(change func(*Script)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.script)
}

// Handle adds a handler for something that this provider has and OpenID Connect does not, such as
// "GET /user/emails" of GitHub. The pattern is http.ServeMux's. Paths of the endpoints come first.
func (p *Provider) Handle(pattern string, h http.HandlerFunc) { p.mux.HandleFunc(pattern, h) }

// Count returns how many requests an endpoint has had. The path of a [Provider.Handle] counts as
// an endpoint of its own.
func (p *Provider) Count(e Endpoint) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[e]
}

// Counts returns the counts of all endpoints that have had a request.
func (p *Provider) Counts() map[Endpoint]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.count)
}

// TokenRequest returns the form of the last request to the token endpoint.
func (p *Provider) TokenRequest() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// RotateKeys replaces the keys by new ones; the kid of the first ones is "1". What is signed from now on, is signed
// with them.
func (p *Provider) RotateKeys(kid string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = newKeyring(kid, newRSA())
}

// PublicKeys returns the honest members of the key set, for Script.Keys.
func (p *Provider) PublicKeys() []any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys.public()
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	e := endpoint(r.URL.Path)
	p.mu.Lock()
	p.count[e]++
	s, keys := p.script, p.keys
	p.mu.Unlock()
	if s.Before != nil {
		s.Before(e)
	}
	if h := s.Instead[e]; h != nil {
		h.ServeHTTP(w, r)
		return
	}
	switch e {
	case Metadata:
		writeJSON(w, http.StatusOK, over(metadata(s.Issuer), s.Metadata))
	case Keys:
		list := s.Keys
		if list == nil {
			list = keys.public()
		}
		writeJSON(w, http.StatusOK, JSON{"keys": list})
	case Authorize:
		p.authorize(w, r, s)
	case Token:
		p.token(w, r, s)
	default:
		p.mux.ServeHTTP(w, r)
	}
}

func endpoint(path string) Endpoint {
	for _, e := range []Endpoint{Metadata, Authorize, Token, Keys} {
		if strings.HasSuffix(path, string(e)) {
			return e
		}
	}
	for suffix, e := range aliases {
		if strings.HasSuffix(path, suffix) {
			return e
		}
	}
	return Endpoint(path)
}

func metadata(issuer string) JSON {
	base := strings.TrimSuffix(issuer, "/")
	return JSON{
		"issuer":                                         issuer,
		"authorization_endpoint":                         base + string(Authorize),
		"token_endpoint":                                 base + string(Token),
		"jwks_uri":                                       base + string(Keys),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query", "form_post"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "PS256", "ES256", "EdDSA"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
}

// over lays members over others.
func over(honest, lies JSON) JSON {
	for name, value := range lies {
		if value == nil {
			delete(honest, name)
		} else {
			honest[name] = value
		}
	}
	return honest
}
