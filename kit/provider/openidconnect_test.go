package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/provider/internal/hostile"
)

// TestOpenIDConnect walks one login. Once the provider is known it costs one request.
func TestOpenIDConnect(t *testing.T) {
	e := plain(t, func(c *Config) { c.Scopes = []string{"groups", "email"} })
	e.claims(hostile.JSON{"email": "ada@example.com", "email_verified": true, "name": "Ada\r\n"})
	location, err := e.client.authURL(t.Context(), begun1)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"response_type": "code", "client_id": hostile.ClientID, "redirect_uri": callback, "scope": "openid email profile groups",
		"state": begun1.State, "nonce": begun1.Nonce, "code_challenge_method": "S256", "code_challenge": challengeOf(begun1.Verifier),
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s of the authorization request: got %q, want %q", name, got, want)
		}
	}
	for warm := range 2 {
		before := e.Counts()
		a, err := e.login()
		if err != nil {
			t.Fatal(err)
		}
		want := Account{Subject: "subject-1", Email: "ada@example.com", EmailVerified: true, Name: "Ada"}
		if a.Account != want || a.Issuer != e.Issuer || a.Proved || a.tokens != nil {
			t.Errorf("got %+v", a)
		}
		spent := e.Counts()
		maps.DeleteFunc(spent, func(p hostile.Endpoint, n int) bool { spent[p] -= before[p]; return spent[p] == 0 })
		if want := fmt.Sprint(map[hostile.Endpoint]int{hostile.Authorize: 1, hostile.Token: 1}); warm == 1 && fmt.Sprint(spent) != want {
			t.Errorf("a warm login made the requests %v, want %v", spent, want)
		}
	}
	if form := e.TokenRequest(); form.Get("code_verifier") != begun1.Verifier || form.Get("redirect_uri") != callback {
		t.Errorf("the token request has the verifier %q and the redirect URI %q", form.Get("code_verifier"), form.Get("redirect_uri"))
	}
}

// TestIss: the answer of another provider goes nowhere (RFC 9207).
func TestIss(t *testing.T) {
	for _, c := range []struct {
		name     string
		metadata hostile.JSON // over the honest one, which promises iss
		answer   hostile.JSON
		refused  bool
	}{
		{"there", nil, nil, false},
		{"of another", nil, hostile.JSON{"iss": "https://evil.example.test"}, true},
		{"with a slash", nil, hostile.JSON{"iss": "https://id.example.test/"}, true},
		{"missing", nil, hostile.JSON{"iss": nil}, true},
		{"never promised", hostile.JSON{"authorization_response_iss_parameter_supported": nil}, hostile.JSON{"iss": nil}, false},
		{"never promised, of another", hostile.JSON{"authorization_response_iss_parameter_supported": nil}, hostile.JSON{"iss": "https://evil.example.test"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := plain(t, nil)
			e.Script(func(s *hostile.Script) { s.Metadata, s.Answer = c.metadata, c.answer })
			_, err := e.login()
			if errors.As(err, new(errRefused)) != c.refused || !c.refused && err != nil {
				t.Errorf("got %v", err)
			}
			if n := e.Count(hostile.Token); c.refused && n != 0 {
				t.Errorf("the code went to the provider, %d times", n)
			}
		})
	}
}

// TestTokenEndpoint: what the token endpoint may answer, and what becomes of it. No error shows any
// of it, because it could be a secret.
func TestTokenEndpoint(t *testing.T) {
	const secret = "s3cr3t-of-the-answer"
	for _, c := range []struct {
		name   string
		answer http.Handler
		want   error
		text   string // in the error
	}{
		{"code used or expired", hostile.Answer(400, hostile.JSON{"error": "invalid_grant", "error_description": secret}), errStale, ""},
		{"wrong client", hostile.Answer(401, hostile.JSON{"error": "invalid_client", "error_description": secret}), errUnavailable, "invalid_client"},
		{"an error of its own", hostile.Answer(400, hostile.JSON{"error": secret, "error_uri": secret}), errUnavailable, "400"},
		{"an error with status 200", hostile.Answer(200, hostile.JSON{"error": "invalid_scope", "access_token": secret}), errUnavailable, "invalid_scope"},
		{"no token", hostile.Answer(200, hostile.JSON{"refresh_token": secret}), errUnavailable, ""},
		{"a lifetime that is text", hostile.Answer(200, hostile.JSON{"access_token": secret, "expires_in": secret}), errUnavailable, ""},
		{"not JSON", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, secret) }), errUnavailable, ""},
		{"a form that is none", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
			fmt.Fprint(w, "access_token=%zz"+secret)
		}), errUnavailable, ""},
		{"down", hostile.Down(), errUnavailable, "503"},
		{"elsewhere", hostile.Redirect("https://evil.example.test/" + secret), errUnavailable, ""},
		{"5 MiB", hostile.Large(), errUnavailable, ""},
		{"slow", hostile.Slow(), errUnavailable, ""},
		{"gone", hostile.Gone(), errUnavailable, ""},
		{"no ID token", hostile.Answer(200, hostile.JSON{"access_token": secret, "token_type": "bearer"}), errRefused{"the token response has no ID token"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := plain(t, nil)
				e.Script(func(s *hostile.Script) { s.Instead = map[hostile.Endpoint]http.Handler{hostile.Token: c.answer} })
				a, err := e.answer()
				if err != nil {
					t.Fatal(err)
				}
				_, err = e.client.redeem(t.Context(), a)
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("got %v, want %v with %q", err, c.want, c.text)
				}
				if errors.Is(c.want, errUnavailable) != errors.Is(err, kit.ErrUnavailable) {
					t.Errorf("%v: ErrUnavailable is %v", err, errors.Is(err, kit.ErrUnavailable))
				}
				for _, s := range []string{secret, a.Code, begun1.Verifier, hostile.ClientSecret} {
					if strings.Contains(fmt.Sprintf("%v %+v", err, err), s) {
						t.Errorf("the error shows %q: %v", s, err)
					}
				}
				if n := e.Count(hostile.Token); n != 1 {
					t.Errorf("%d token requests, want 1", n)
				}
			})
		})
	}
}

// TestPrivateAddress: a provider in a private network is asked only if that is allowed.
func TestPrivateAddress(t *testing.T) {
	for _, issuer := range []string{"https://127.0.0.1:1", "https://[::1]:1", "https://10.0.0.1", "https://169.254.169.254"} {
		p := OpenIDConnect(Config{Name: "x", Issuer: issuer, ClientID: "id"})
		client, err := p.connect(p.Config, callback, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.authURL(t.Context(), begun1); !errors.Is(err, errUnavailable) || !strings.Contains(err.Error(), "not public") {
			t.Errorf("%s: got %v", issuer, err)
		}
	}
}

// TestClientAuthentication: the client proves itself in the way that the metadata has, with one
// request, whatever it answers.
func TestClientAuthentication(t *testing.T) {
	for _, c := range []struct {
		methods any
		secret  kit.Secret
		header  bool
	}{
		{nil, "a:b c/%", true},
		{[]string{"client_secret_post", "client_secret_basic"}, "a:b c/%", true},
		{[]string{"client_secret_post"}, "a:b c/%", false},
		{[]string{"client_secret_basic", "none"}, "", false},
	} {
		e := plain(t, func(c2 *Config) { c2.ClientSecret = c.secret })
		var basic, known bool
		e.Script(func(s *hostile.Script) {
			s.Metadata = hostile.JSON{"token_endpoint_auth_methods_supported": c.methods}
			s.Client = func(id, secret string) bool {
				known = id == hostile.ClientID && secret == string(c.secret)
				return known
			}
			s.Instead = map[hostile.Endpoint]http.Handler{hostile.Token: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _, basic = r.BasicAuth()
				if form := r.FormValue("client_secret"); basic && form != "" {
					t.Errorf("%v: the secret is in the header and in the body", c.methods)
				}
				hostile.Answer(401, hostile.JSON{"error": "invalid_client"}).ServeHTTP(w, r)
			})}
		})
		if _, err := e.login(); !errors.Is(err, errUnavailable) || basic != c.header || e.Count(hostile.Token) != 1 {
			t.Errorf("%v: got %v, in the header %v, %d token requests", c.methods, err, basic, e.Count(hostile.Token))
		}
		e.Script(func(s *hostile.Script) { s.Instead = nil })
		if _, err := e.login(); err != nil || !known {
			t.Errorf("%v: got %v", c.methods, err)
		}
	}
}

// TestProved: the word of a provider counts for the domains that the application names.
func TestProved(t *testing.T) {
	for _, c := range []struct {
		domains  []string
		email    string
		verified any
		proved   bool
	}{
		{nil, "ada@example.com", true, false},
		{[]string{"example.com"}, "ada@example.com", true, true},
		{[]string{"Example.com"}, "ada@EXAMPLE.com", "true", true},
		{[]string{"example.com"}, "ada@example.com", false, false},
		{[]string{"example.com"}, "ada@example.com", "false", false},
		{[]string{"example.com"}, "ada@example.com", nil, false},
		{[]string{"example.com"}, "ada@example.org", true, false},
		{[]string{"example.com"}, "ada@sub.example.com", true, false},
		{[]string{"example.com"}, "ada@notexample.com", true, false},
		{[]string{"example.com"}, "example.com", true, false},
		{[]string{"example.com"}, "ada@example.com@evil.example", true, false},
		{[]string{"kit.example"}, "ada@\u212Ait.example", true, false}, // KELVIN SIGN
		{[]string{"*"}, "ada@example.org", true, true},
		{[]string{"*"}, "ada@example.org", nil, false},
		{[]string{"*"}, "", true, false},
		{[]string{"*"}, "ada", true, false},
		{[]string{"*"}, strings.Repeat("a", 250) + "@b.example", true, false},
	} {
		e := plain(t, func(cfg *Config) { cfg.EmailDomains = c.domains })
		e.claims(hostile.JSON{"email": c.email, "email_verified": c.verified})
		a, err := e.login()
		if err != nil || a.Proved != c.proved || len(a.Email) > 254 {
			t.Errorf("%v, %q, verified %v: got proved %v, error %v", c.domains, c.email, c.verified, a.Proved, err)
		}
	}
}

// TestNativeToken: the ID token of a native app is for one of its client ids, and has the nonce or its
// hash.
func TestNativeToken(t *testing.T) {
	e := plain(t, func(c *Config) { c.NativeClientIDs = []string{"app-1", "app-2"} })
	hash := sha256.Sum256([]byte("n"))
	for _, c := range []struct {
		aud, azp any
		nonce    string
		want     error
	}{
		{"app-1", nil, "n", nil},
		{"app-2", nil, hex.EncodeToString(hash[:]), nil},
		{"app-1", "app-2", "n", nil}, // Android: for the server, issued to the app
		{hostile.ClientID, nil, "n", errRefused{}},
		{"app-1", "app-3", "n", errRefused{}},
		{"app-1", nil, strings.ToUpper(hex.EncodeToString(hash[:])), errStale},
		{"app-1", nil, "m", errStale},
		{"app-1", nil, "", errStale},
	} {
		token := e.IDToken(hostile.JSON{"aud": c.aud, "azp": c.azp, "nonce": c.nonce})
		a, err := e.client.native(t.Context(), token, "n")
		if _, refused := c.want.(errRefused); refused != errors.As(err, new(errRefused)) || !refused && !errors.Is(err, c.want) {
			t.Errorf("aud %v, azp %v, nonce %q: got %v, want %v", c.aud, c.azp, c.nonce, err, c.want)
		}
		if err == nil && (a.Subject != "subject-1" || a.Until.Before(time.Now().Add(11*time.Minute))) {
			t.Errorf("got %+v", a)
		}
	}
	if _, err := e.client.native(t.Context(), e.IDToken(hostile.JSON{"aud": "app-1", "nonce": ""}), ""); !errors.Is(err, errStale) {
		t.Errorf("without a nonce: got %v", err)
	}
}

// TestKeepTokens: the tokens of the provider leave this package only if the application wants
// them. When they expire, the Service's clock says.
func TestKeepTokens(t *testing.T) {
	e := plain(t, func(c *Config) { c.KeepTokens = true })
	now := time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC)
	e.client.(*openID).now = func() time.Time { return now }
	a, err := e.login()
	if err != nil || a.tokens == nil || a.tokens.RefreshToken == "" || !a.tokens.Expiry.Equal(now.Add(time.Hour)) {
		t.Errorf("got error %v, tokens %v", err, a.tokens != nil)
	}
}

// TestRefresh: a refresh token is traded by one request, or not any more.
func TestRefresh(t *testing.T) {
	fresh := hostile.JSON{"access_token": "new", "token_type": "bearer", "expires_in": 60}
	for _, c := range []struct {
		answer http.Handler
		want   error
	}{
		{hostile.Answer(200, fresh), nil},
		{hostile.Answer(400, hostile.JSON{"error": "invalid_grant"}), errStale},
		{hostile.Answer(200, hostile.JSON{"error": "bad_refresh_token"}), errStale}, // GitHub's
		{hostile.Down(), errUnavailable},
	} {
		for _, e := range []*scripted{plain(t, nil), playChat(t, chat, chatUser)} {
			var form url.Values
			e.Script(func(s *hostile.Script) {
				s.Instead = map[hostile.Endpoint]http.Handler{hostile.Token: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_ = r.ParseForm()
					form = r.Form
					c.answer.ServeHTTP(w, r)
				})}
			})
			tokens, err := e.client.refresh(t.Context(), &oauth2.Token{AccessToken: "old", RefreshToken: "refresh-1", Expiry: time.Now().Add(time.Hour)})
			if !errors.Is(err, c.want) || (err == nil) != (tokens != nil) || tokens != nil && (tokens.AccessToken != "new" || tokens.Expiry.IsZero()) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
			if form.Get("grant_type") != "refresh_token" || form.Get("refresh_token") != "refresh-1" || e.Count(hostile.Token) != 1 {
				t.Errorf("a request for %s, %d of them", form.Get("grant_type"), e.Count(hostile.Token))
			}
		}
	}
}
