package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/provider/internal/hostile"
)

var chat = Endpoints{Authorization: "https://chat.example.test/oauth2/authorize", Token: "https://chat.example.test/oauth2/token"}

// chatUser asks a provider that is like Discord who the user is.
func chatUser(ctx context.Context, client *http.Client) (Account, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "https://chat.example.test/users/me", nil)
	if err != nil {
		return Account{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return Account{}, err
	}
	defer resp.Body.Close()
	var user struct {
		ID, Email string
		Verified  bool
	}
	err = json.NewDecoder(resp.Body).Decode(&user)
	return Account{Subject: user.ID, Email: user.Email, EmailVerified: user.Verified}, err
}

func playChat(t *testing.T, e Endpoints, identify func(context.Context, *http.Client) (Account, error)) *scripted {
	return play(t, "https://chat.example.test", func(c Config) Provider {
		c.Name, c.Issuer, c.Scopes, c.EmailDomains = "chat", "https://chat.example.test", []string{"identify", "email"}, []string{"*"}
		return OAuth2(c, e, identify)
	})
}

// TestOAuth2 walks a login, which ends with a question of the application's own.
func TestOAuth2(t *testing.T) {
	for _, header := range []bool{false, true} {
		endpoints := chat
		endpoints.SecretInHeader = header
		e := playChat(t, endpoints, chatUser)
		var authorization string
		e.Handle("GET /users/me", func(w http.ResponseWriter, r *http.Request) {
			authorization = r.Header.Get("Authorization")
			fmt.Fprint(w, `{"id":"80351110224678912","email":"ada@example.com","verified":true}`)
		})
		location, err := e.client.authURL(t.Context(), begun1)
		if err != nil {
			t.Fatal(err)
		}
		if got := parameter(t, location, "code_challenge"); got != challengeOf(begun1.Verifier) || parameter(t, location, "code_challenge_method") != "S256" {
			t.Errorf("the challenge is %q", got)
		}
		if got := parameter(t, location, "scope"); got != "identify email" {
			t.Errorf("the scope is %q", got)
		}
		a, err := e.login()
		want := Account{Subject: "80351110224678912", Email: "ada@example.com", EmailVerified: true}
		if err != nil || a.Account != want || a.Issuer != "https://chat.example.test" || !a.Proved || a.tokens != nil {
			t.Errorf("got %+v, error %v", a, err)
		}
		if !strings.HasPrefix(authorization, "Bearer access-") || e.Count(hostile.Token) != 1 || e.Count(hostile.Metadata) != 0 {
			t.Errorf("authorization %q, requests %v", authorization, e.Counts())
		}
		if got := e.TokenRequest().Get("client_secret"); (got == "") != header {
			t.Errorf("secret in the header %v: in the body is %q", header, got)
		}
		if _, err := e.client.native(t.Context(), "x", "y"); !errors.As(err, new(errRefused)) {
			t.Errorf("an ID token: got %v", err)
		}
	}
}

// TestOAuth2Lies: whatever the provider or the application says, no account comes of it that is
// nobody's.
func TestOAuth2Lies(t *testing.T) {
	says := func(a Account, err error) func(context.Context, *http.Client) (Account, error) {
		return func(context.Context, *http.Client) (Account, error) { return a, err }
	}
	for _, c := range []struct {
		name     string
		identify func(context.Context, *http.Client) (Account, error)
		answer   hostile.JSON
		refused  bool // otherwise unavailable
	}{
		{"no subject", says(Account{Email: "ada@example.com"}, nil), nil, true},
		{"a subject that is too long", says(Account{Subject: strings.Repeat("1", 256)}, nil), nil, true},
		{"a subject that is not ASCII", says(Account{Subject: "zoë"}, nil), nil, true},
		{"a subject of two lines", says(Account{Subject: "1\n2"}, nil), nil, true},
		{"iss of another", says(Account{Subject: "1"}, nil), hostile.JSON{"iss": "https://evil.example.test"}, true},
		{"an error", says(Account{Subject: "1"}, errors.New("no")), nil, false},
	} {
		e := playChat(t, chat, c.identify)
		e.Script(func(s *hostile.Script) { s.Answer = c.answer })
		a, err := e.login()
		if errors.As(err, new(errRefused)) != c.refused || errors.Is(err, errUnavailable) == c.refused || a.Subject != "" {
			t.Errorf("%s: got %+v, error %v", c.name, a, err)
		}
		if n := e.Count(hostile.Token); c.answer != nil && n != 0 {
			t.Errorf("%s: the code went to the provider", c.name)
		}
	}
}

// TestOAuth2Refuses: the application turns a user away, and says why in its own words.
func TestOAuth2Refuses(t *testing.T) {
	stranger := kit.NewProblem(403, "not a member", "Not a member", "Ask for an invitation.")
	e := playChat(t, chat, func(context.Context, *http.Client) (Account, error) {
		return Account{Subject: "1"}, fmt.Errorf("asking for the members: %w", stranger)
	})
	_, err := e.login()
	if !errors.Is(err, stranger) || errors.Is(err, errUnavailable) {
		t.Errorf("got %v", err)
	}
	a := newApp(t)
	b := a.browser()
	callback := b.begin("idp", lovelace)
	a.idp.err = err
	if location := b.get(callback); location != with(home, "error", "not+a+member") || len(b.cookies) != 0 {
		t.Errorf("went to %s", location)
	}
}

// TestOAuth2Bounds: the client of identify is bounded as all are, and the access token goes to no
// other place.
func TestOAuth2Bounds(t *testing.T) {
	for name, h := range map[string]http.Handler{
		"5 MiB": hostile.Large(), "elsewhere": hostile.Redirect("https://evil.example.test/users/me"),
	} {
		e := playChat(t, chat, chatUser)
		requests := 0
		e.Handle("GET /users/me", func(w http.ResponseWriter, r *http.Request) {
			requests++
			h.ServeHTTP(w, r)
		})
		if _, err := e.login(); !errors.Is(err, errUnavailable) || !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("%s: got %v", name, err)
		}
		if requests != 1 {
			t.Errorf("%s: %d requests", name, requests)
		}
	}
}

// github lets a scripted provider play GitHub.
// https://docs.github.com/en/rest/users/users, https://docs.github.com/en/rest/users/emails
func github(t *testing.T, user, emails string) *scripted {
	e := play(t, githubIssuer, GitHub)
	serve := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "api.github.com" || r.Header.Get("Accept") != "application/vnd.github+json" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
				t.Errorf("a request to %s with the headers %v", r.Host, r.Header)
			}
			if status, rest, _ := strings.Cut(text, " "); status == "403" || status == "404" || status == "500" {
				w.WriteHeader(map[string]int{"403": 403, "404": 404, "500": 500}[status])
				fmt.Fprint(w, rest)
				return
			}
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			fmt.Fprint(w, text)
		}
	}
	e.Handle("GET /user", serve(user))
	e.Handle("GET /user/emails", serve(emails))
	return e
}

// TestGitHub: the number is the user, and the address the primary one.
func TestGitHub(t *testing.T) {
	const user = `{"login":"ada","id":583231,"node_id":"MDQ6VXNlcjU4MzIzMQ==","type":"User","site_admin":false,"name":"Ada Lovelace","email":"public@example.com","verified":true}`
	const emails = `[{"email":"old@example.com","primary":false,"verified":true,"visibility":null},{"email":"ada@example.com","primary":true,"verified":true,"visibility":"private"},{"email":"583231+ada@users.noreply.github.com","primary":false,"verified":true,"visibility":null}]`
	for _, c := range []struct {
		name, user, emails string
		want               Account
	}{
		{"usual", user, emails, Account{"583231", "ada@example.com", true, "Ada Lovelace"}},
		{"no name", `{"login":"ada","id":583231,"name":null,"email":null}`, emails, Account{"583231", "ada@example.com", true, "ada"}},
		{"primary not verified", user, strings.Replace(emails, `"primary":true,"verified":true`, `"primary":true,"verified":false`, 1), Account{"583231", "ada@example.com", false, "Ada Lovelace"}},
		{"no primary address", user, `[{"email":"old@example.com","primary":false,"verified":true}]`, Account{"583231", "", false, "Ada Lovelace"}},
		{"no address", user, `[]`, Account{"583231", "", false, "Ada Lovelace"}},
		{"no permission", user, `403 {"message":"Resource not accessible by integration"}`, Account{"583231", "", false, "Ada Lovelace"}},
		{"no scope", user, `404 {"message":"Not Found"}`, Account{"583231", "", false, "Ada Lovelace"}},
	} {
		a, err := github(t, c.user, c.emails).login()
		if err != nil || a.Account != c.want || a.Issuer != githubIssuer || a.Proved {
			t.Errorf("%s: got %+v, error %v", c.name, a, err)
		}
	}
	location, err := github(t, user, emails).client.authURL(t.Context(), begun1)
	if err != nil || parameter(t, location, "scope") != "user:email" {
		t.Errorf("went to %s, error %v", location, err)
	}
	for _, c := range []struct{ name, user, emails string }{
		{"no number", `{"login":"ada"}`, emails},
		{"a number that is text", `{"login":"ada","id":"583231"}`, emails},
		{"an account that is none", `{"message":"Bad credentials"}`, emails},
		{"a user with an error", "500 " + user, emails},
		{"no list", user, `{"message":"oops"}`},
		{"addresses with an error", user, "500 " + emails},
	} {
		if a, err := github(t, c.user, c.emails).login(); !errors.Is(err, errUnavailable) || a.Subject != "" {
			t.Errorf("%s: got %+v, error %v", c.name, a, err)
		}
	}
}

// TestGitHubTokens: GitHub's token endpoint answers with a form, and with errors of its own, all
// with status 200.
// https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
func TestGitHubTokens(t *testing.T) {
	form := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			fmt.Fprint(w, text)
		})
	}
	for answer, want := range map[string]error{
		"access_token=gho_x&scope=user%3Aemail&token_type=bearer":                            nil,
		"error=bad_verification_code&error_description=The+code+is+incorrect+or+has+expired": errStale,
		"error=incorrect_client_credentials":                                                 errUnavailable,
		"error=redirect_uri_mismatch":                                                        errUnavailable,
		"error=unverified_user_email":                                                        errDenied,
	} {
		e := github(t, `{"login":"ada","id":583231}`, `[]`)
		e.Script(func(s *hostile.Script) {
			s.Instead = map[hostile.Endpoint]http.Handler{hostile.Token: form(answer)}
		})
		if _, err := e.login(); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", answer, err, want)
		}
	}
}

// TestGitHubEnterprise: another GitHub has its API elsewhere.
func TestGitHubEnterprise(t *testing.T) {
	for issuer, want := range map[string]string{
		githubIssuer:                             "https://api.github.com/user",
		"https://octocorp.ghe.com/login/oauth":   "https://api.octocorp.ghe.com/user",
		"https://github.example.com/login/oauth": "https://github.example.com/api/v3/user",
	} {
		asked := ""
		p := GitHub(Config{
			Issuer: issuer, ClientID: "id", ClientSecret: "secret",
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Method == "GET" {
					asked = r.URL.String()
					return nil, errors.New("that is enough")
				}
				w := httptest.NewRecorder()
				hostile.Answer(200, hostile.JSON{"access_token": "x"}).ServeHTTP(w, r)
				return w.Result(), nil
			}),
		})
		client, err := p.connect(p.Config, callback, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.redeem(t.Context(), answer{Code: "c"}); !errors.Is(err, errUnavailable) || asked != want {
			t.Errorf("%s: asked %s, want %s; error %v", issuer, asked, want, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
