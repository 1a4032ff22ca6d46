package hostile

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// grant is what a code stands for.
type grant struct{ clientID, redirectURI, challenge, nonce string }

// authorize answers at once: its user is always signed in and agrees.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request, s Script) {
	q := r.URL.Query()
	redirect, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case err != nil || !redirect.IsAbs():
		http.Error(w, "redirect_uri", http.StatusBadRequest)
		return
	case q.Get("client_id") != s.ClientID:
		http.Error(w, "client_id", http.StatusBadRequest)
		return
	case q.Get("response_type") != "code", q.Get("code_challenge_method") != "S256", q.Get("code_challenge") == "", q.Get("state") == "":
		http.Error(w, "no code flow with state and PKCE", http.StatusBadRequest)
		return
	}
	code := "code-" + rand.Text()
	p.mu.Lock()
	p.codes[code] = grant{s.ClientID, redirect.String(), q.Get("code_challenge"), q.Get("nonce")}
	p.mu.Unlock()
	answer := url.Values{}
	for name, value := range over(JSON{"code": code, "state": q.Get("state"), "iss": s.Issuer}, s.Answer) {
		answer.Set(name, fmt.Sprint(value))
	}
	if q.Get("response_mode") == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = form.Execute(w, map[string]any{"Action": redirect.String(), "Fields": answer})
		return
	}
	query := redirect.Query()
	for name := range answer {
		query.Set(name, answer.Get(name))
	}
	redirect.RawQuery = query.Encode()
	w.Header().Set("Location", redirect.String())
	w.WriteHeader(http.StatusFound)
}

// form is that of OAuth 2.0 Form Post Response Mode.
var form = template.Must(template.New("").Parse(`<!doctype html><body onload="document.forms[0].submit()">` +
	`<form method="post" action="{{.Action}}">` +
	`{{range $name, $values := .Fields}}<input type="hidden" name="{{$name}}" value="{{index $values 0}}"/>{{end}}</form>`))

var (
	action = regexp.MustCompile(`action="([^"]*)"`)
	field  = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)
)

// Login opens the URL that a login starts with, at the provider, as a browser does, and returns the
// request that the browser then makes to the callback: without cookies, which are for the test to add.
func (p *Provider) Login(authURL string) *http.Request {
	p.t.Helper()
	resp, err := p.browser.Get(authURL)
	if err != nil {
		p.t.Fatalf("the provider: %v", err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatalf("the provider: %v", err)
	}
	switch resp.StatusCode {
	case http.StatusFound:
		return httptest.NewRequest("GET", resp.Header.Get("Location"), nil)
	case http.StatusOK:
		values := url.Values{}
		for _, f := range field.FindAllSubmatch(page, -1) {
			values.Set(html.UnescapeString(string(f[1])), html.UnescapeString(string(f[2])))
		}
		if to := action.FindSubmatch(page); to != nil {
			r := httptest.NewRequest("POST", html.UnescapeString(string(to[1])), strings.NewReader(values.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "null")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			return r
		}
	}
	p.t.Fatalf("the provider answered %d: %.200s", resp.StatusCode, page)
	return nil
}

// token is strict: a code once, the very redirect_uri, PKCE, and the client's secret.
func (p *Provider) token(w http.ResponseWriter, r *http.Request, s Script) {
	if err := r.ParseForm(); err != nil || r.Method != "POST" {
		oauthError(w, "invalid_request", "not a form")
		return
	}
	f := r.PostForm
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = f.Get("client_id"), f.Get("client_secret")
	}
	known := s.Client
	if known == nil {
		known = func(id, secret string) bool { return id == s.ClientID && secret == s.ClientSecret }
	}
	code := f.Get("code")
	p.mu.Lock()
	p.last = f
	g, found := p.codes[code]
	used := p.used[code] && !s.CodeAgain
	if found && known(id, secret) {
		p.used[code] = true
	}
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(f.Get("code_verifier")))
	switch {
	case !known(id, secret):
		oauthError(w, "invalid_client", "client")
	case f.Get("grant_type") != "authorization_code":
		oauthError(w, "unsupported_grant_type", "grant_type")
	case !found, used:
		oauthError(w, "invalid_grant", "code")
	case g.redirectURI != f.Get("redirect_uri"):
		oauthError(w, "invalid_grant", "redirect_uri")
	case g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		oauthError(w, "invalid_grant", "code_verifier")
	default:
		writeJSON(w, http.StatusOK, over(JSON{
			"access_token": "access-" + rand.Text(), "refresh_token": "refresh-" + rand.Text(),
			"token_type": "Bearer", "expires_in": 3600, "id_token": p.IDToken(JSON{"nonce": g.nonce}),
		}, s.Tokens))
	}
}

// IDToken returns an ID token as the script says, with these claims over the honest ones and under
// the script's.
func (p *Provider) IDToken(claims JSON) string {
	p.mu.Lock()
	s, keys := p.script, p.keys
	p.mu.Unlock()
	now := s.Now()
	honest := JSON{
		"iss": s.Issuer, "sub": "subject-1", "aud": s.ClientID,
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
	return keys.sign(s, over(over(honest, claims), s.Claims))
}

func oauthError(w http.ResponseWriter, code, description string) {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	writeJSON(w, status, JSON{"error": code, "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
