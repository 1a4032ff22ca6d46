package provider

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/seal"
)

// TestNew: each setting that would be wrong is refused by its name.
func TestNew(t *testing.T) {
	idp := (&elsewhere{}).provider
	ok := []string{home}
	long := "https://app.example.com/" + strings.Repeat("a", 1000)
	for _, c := range []struct {
		base      string
		redirects []string
		providers []Provider
		want      string // a part of the error; empty: none
	}{
		{baseURL, ok, nil, ""},
		{baseURL + "/", ok, []Provider{idp("idp")}, ""},
		{"https://app.example.com", ok, []Provider{idp("a"), idp("b_2")}, ""},
		{"http://localhost:8080/auth", []string{"http://localhost:3000/", "http://127.0.0.1/x", "http://[::1]:9/x", "http://app.localhost/x"}, nil, ""},
		{baseURL, []string{home, other, native, "myapp://signed-in", "https://app.example.com", long}, nil, ""},

		{"", ok, nil, "baseURL"},
		{"app.example.com/auth", ok, nil, "baseURL"},
		{"http://app.example.com/auth", ok, nil, "baseURL"},
		{"http://localhost.example.com/auth", ok, nil, "baseURL"},
		{"https:///auth", ok, nil, "baseURL"},
		{"https://ada@app.example.com/auth", ok, nil, "baseURL"},
		{baseURL + "?", ok, nil, "baseURL"},
		{baseURL + "?a=b", ok, nil, "baseURL"},
		{baseURL + "#a", ok, nil, "baseURL"},
		{"ftp://app.example.com/auth", ok, nil, "baseURL"},
		{"https:app.example.com", ok, nil, "baseURL"},

		{baseURL, nil, nil, "redirects"},
		{baseURL, []string{""}, nil, "redirects"},
		{baseURL, []string{"/signed-in"}, nil, "redirects"},
		{baseURL, []string{"//app.example.com/"}, nil, "redirects"},
		{baseURL, []string{home, "javascript:alert(1)"}, nil, "redirects"},
		{baseURL, []string{"JavaScript:alert(1)"}, nil, "redirects"},
		{baseURL, []string{"data:text/html,x"}, nil, "redirects"},
		{baseURL, []string{"vbscript:x"}, nil, "redirects"},
		{baseURL, []string{"file:///etc/passwd"}, nil, "redirects"},
		{baseURL, []string{"blob:https://app.example.com/x"}, nil, "redirects"},
		{baseURL, []string{"http://app.example.com/"}, nil, "redirects"},
		{baseURL, []string{"HTTPS://app.example.com/"}, nil, "redirects"},
		{baseURL, []string{"https:///x"}, nil, "redirects"},
		{baseURL, []string{"https:app.example.com"}, nil, "redirects"},
		{baseURL, []string{"https://ada@app.example.com/"}, nil, "redirects"},
		{baseURL, []string{home + "#"}, nil, "redirects"},
		{baseURL, []string{home + "#x"}, nil, "redirects"},
		{baseURL, []string{native + "#x"}, nil, "redirects"},
		{baseURL, []string{home + "?code=1"}, nil, "redirects"},
		{baseURL, []string{home + "?a=1&error=1"}, nil, "redirects"},
		{baseURL, []string{home + "/a b"}, nil, "redirects"},
		{baseURL, []string{home + "/\n"}, nil, "redirects"},
		{baseURL, []string{home + "/é"}, nil, "redirects"},
		{baseURL, []string{home + `/"x"`}, nil, "redirects"},
		{baseURL, []string{home + `\x`}, nil, "redirects"},
		{baseURL, []string{long + "aaaaaaaaaaaaaaaaaaaaaaaaa"}, nil, "redirects"},
		{baseURL, []string{" " + home}, nil, "redirects"},

		{baseURL, ok, []Provider{{}}, "Provider"},
		{baseURL, ok, []Provider{idp("")}, "Name"},
		{baseURL, ok, []Provider{idp("Google")}, "Name"},
		{baseURL, ok, []Provider{idp("a-b")}, "Name"},
		{baseURL, ok, []Provider{idp("a/b")}, "Name"},
		{baseURL, ok, []Provider{idp("a23456789012345678901")}, "Name"},
		{baseURL, ok, []Provider{idp("a", func(p *Provider) { p.Label = "" })}, "Label"},
		{baseURL, ok, []Provider{idp("a"), idp("b"), idp("a")}, "Name a"},
		{baseURL, ok, []Provider{idp("a", func(p *Provider) {
			p.connect = func(Config, string, func() time.Time) (protocol, error) {
				return nil, errors.New("the client ID is empty")
			}
		})}, "client ID"},
	} {
		_, err := New(c.base, c.redirects, c.providers...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%q, %.60q, %d providers): got error %v, want one with %q", c.base, c.redirects, len(c.providers), err, c.want)
		}
	}
}

// TestACallbackPerProvider: each provider hears a redirect URI of its own, below the base URL, and
// the clock of its Service.
func TestACallbackPerProvider(t *testing.T) {
	heard := map[string]time.Time{}
	record := func(p *Provider) {
		p.connect = func(_ Config, redirectURI string, now func() time.Time) (protocol, error) {
			heard[redirectURI] = now()
			return &elsewhere{}, nil
		}
	}
	feature, err := New(baseURL+"/", []string{home}, (&elsewhere{}).provider("a", record), (&elsewhere{}).provider("b", record))
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(o *kit.Options) { o.Features = []kit.Feature{feature} })
	for _, name := range []string{"a", "b"} {
		if at := heard["https://app.example.com/auth/providers/"+name+"/callback"]; !at.Equal(a.Clock.Now()) {
			t.Errorf("%s heard the time %v", name, at)
		}
	}
	if len(heard) != 2 {
		t.Errorf("the redirect URIs: %v", heard)
	}
}

// TestAttach: kept tokens need data keys, and the list has all providers in their order.
func TestAttach(t *testing.T) {
	keeps, err := New(baseURL, []string{home}, (&elsewhere{}).provider("a", func(p *Provider) { p.KeepTokens = true }))
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t)
	for _, keys := range []bool{false, true} {
		opts := kit.Options{Features: []kit.Feature{keeps}, BcryptCost: 4, InsecureFastHash: true}
		if keys {
			opts.DataKeys = dataKeys(t)
		}
		svc, err := kit.New(a.Store.Stores(), a.Keys, &opts)
		if keys != (err == nil) || err != nil && (!errors.Is(err, kit.ErrNoDataKeys) || !strings.Contains(err.Error(), "KeepTokens")) {
			t.Errorf("with data keys %v: %v", keys, err)
		}
		if err == nil {
			_ = svc.Close(t.Context())
		}
	}
	answer, err := a.browser().send("GET", "/providers", nil)
	if want := `{"providers":[{"name":"idp","label":"Elsewhere"},{"name":"posts","label":"Elsewhere"},{"name":"apps","label":"Elsewhere"}]}`; err != nil || string(answer.Body) != want {
		t.Errorf("the list: %s %v", answer.Body, err)
	}
}

// TestUnknownProvider: every route below a name answers 404 for one that is not there, and none of
// the odd names that a path can have finds one.
func TestUnknownProvider(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	_, tokens := a.LogIn("ada@example.com")
	b.access = tokens.AccessToken
	for _, name := range []string{"nobody", "IDP", "idp%00", "idp%2F", ""} {
		for _, route := range []string{"GET start", "GET callback", "POST callback", "POST token", "POST link"} {
			method, rest, _ := strings.Cut(route, " ")
			_, err := b.send(method, "/providers/"+name+"/"+rest, map[string]string{"id_token": "x", "nonce": "x"})
			var p *kit.Problem
			if !errors.As(err, &p) || p.Status != 404 {
				t.Errorf("%s of %q: %v", route, name, err)
			}
		}
	}
	if _, err := b.send("POST", "/providers/idp/token", map[string]string{"id_token": "x", "nonce": "x"}); fmt.Sprint(err) != fmt.Sprint(errNoProvider) {
		t.Errorf("a provider without native apps: %v", err)
	}
}

func dataKeys(t *testing.T) *seal.Keyring {
	t.Helper()
	keys, err := seal.NewKeyring([]byte("a data key for tests: 32 bytes.."))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
