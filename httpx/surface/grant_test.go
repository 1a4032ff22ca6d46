package surface

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/throttle"
)

const formType = "Content-Type: application/x-www-form-urlencoded"

// grant sends a form to the token URL: fields are names and values in turn.
func (a *app) grant(fields ...string) answer {
	a.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return a.send("POST", "/login", form.Encode(), formType)
}

// refused wants an error of RFC 6749, section 5.2.
func (r answer) refused(status int, code, part string) {
	r.t.Helper()
	r.is(status, code)
	var body struct {
		Description string `json:"error_description"`
	}
	r.decode(&body)
	h := r.header
	if (part == "") != (body.Description == "") || !strings.Contains(body.Description, part) || h.Get("Content-Type") != "application/json" || h.Get("Pragma") != "no-cache" || h.Get("Www-Authenticate") != "" {
		r.t.Errorf("%s: %q, %v; want %q in it", r.what, body.Description, h, part)
	}
}

// One URL takes both grants, whatever client the tool says it is.
func TestGrants(t *testing.T) {
	withBodies(t)
	a := newApp(t)
	u := a.register()
	password := []string{"username", testEmail, "password", goodPassword, "grant_type", "password"}
	r := a.grant(password...).is(200)
	if r.header.Get("Pragma") != "no-cache" || r.tokens().User.ID != u.ID {
		t.Errorf("%v %s", r.header, r.body)
	}
	for range 2 { // the second time as the parent, within the grace
		if next := a.grant("grant_type", "refresh_token", "refresh_token", r.tokens().Refresh).is(200).tokens(); next.Refresh == r.tokens().Refresh {
			t.Error("the refresh token was not replaced")
		}
	}
	a.grant(append(password, "client_id", "web", "client_secret", "s", "scope", "a b")...).is(200)
	for _, credentials := range []string{":", "web:", "web:secret"} {
		basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
		a.send("POST", "/login", "grant_type=password&username="+url.QueryEscape(testEmail)+"&password="+url.QueryEscape(goodPassword), formType, basic).is(200)
		// Such a header is no Bearer token, elsewhere either.
		a.send("GET", "/me", "", basic).is(401, "missing_token")
	}
	// Without a value grant_type counts as left out; in JSON it is a key like others.
	a.grant("grant_type", "", "username", testEmail, "password", "x").is(401, "invalid_credentials")
	a.post("/login", "grant_type", "password", "email", testEmail, "password", "x").is(401, "invalid_credentials")
	if got := a.grant("username", testEmail, "password", goodPassword).is(200).header.Get("Pragma"); got != "" {
		t.Errorf("Pragma %q for a form without grant_type", got)
	}
}

func TestGrantRefused(t *testing.T) {
	withBodies(t)
	a := newApp(t, func(c *setup) { c.RequireVerifiedEmail = true })
	u := a.register()
	mail := a.mail(kit.MailVerification)
	password := func(password string) answer {
		return a.grant("grant_type", "password", "username", testEmail, "password", password)
	}
	refresh := func(token string) answer {
		return a.grant("grant_type", "refresh_token", "refresh_token", token)
	}
	const wrong, revoked = "password", "revoked"
	password("x").refused(400, "invalid_grant", wrong)
	a.grant("grant_type", "password", "username", "nobody@example.com", "password", "x").same(password("x"))
	password(goodPassword).refused(400, "invalid_grant", "verify")
	a.verify(string(mail.Token)).is(204)
	tk := password(goodPassword).is(200).tokens()
	a.logout(tk.Refresh).is(204)
	refresh(tk.Refresh).refused(400, "invalid_grant", revoked)
	refresh("x").refused(400, "invalid_grant", "not valid")
	tk = a.login()
	if _, err := a.Deactivate(context.Background(), u.ID); err != nil {
		t.Fatal(err)
	}
	refresh(tk.Refresh).refused(400, "invalid_grant", "disabled")
	refresh(tk.Refresh).refused(400, "invalid_grant", revoked)

	const two, encoding = "same name", "percent-encoding"
	for form, want := range map[string][2]string{
		"grant_type=password":                                      {"invalid_request", "username is required. password is required."},
		"grant_type=password&username=&password=x":                 {"invalid_request", "username is required."},
		"grant_type=password&email=a&password=x":                   {"invalid_request", "username is required."},
		"grant_type=refresh_token":                                 {"invalid_request", "refresh_token is required."},
		"grant_type=refresh_token&refresh_token=":                  {"invalid_request", "refresh_token is required."},
		"grant_type=password&grant_type=password":                  {"invalid_request", two},
		"grant_type=password&grant_type=":                          {"invalid_request", two},
		"username=a&username=b&password=x&grant_type=password":     {"invalid_request", two},
		"grant_type=password&username=%zz&password=x":              {"invalid_request", encoding},
		"grant_type=%zz":                                           {"invalid_request", encoding},
		"grant%5Ftype=password&username=%ff&password=x":            {"invalid_request", "UTF-8"},
		"grant_type=client_credentials":                            {"unsupported_grant_type", "grant_type"},
		"grant_type=Password&username=a&password=x":                {"unsupported_grant_type", "grant_type"},
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ax":  {"unsupported_grant_type", "grant_type"},
		"refresh_token=x&grant_type=authorization_code&username=x": {"unsupported_grant_type", "grant_type"},
	} {
		a.send("POST", "/login", form, formType).refused(400, want[0], want[1])
	}
	a.send("POST", "/login", "grant_type=password&username=a&password=b", formType, "Authorization: Basic Og==", "Authorization: Bearer x").
		refused(400, "invalid_request", "Authorization")
	// The routes that take JSON alone go on doing so.
	a.send("POST", "/refresh", "grant_type=refresh_token&refresh_token=x", formType).is(415, "unsupported_media_type")
}

// What the client cannot change keeps its status and Retry-After.
func TestGrantFaults(t *testing.T) {
	withBodies(t)
	refuse := true
	a := newApp(t, func(c *setup) {
		c.Limiter = limiter(func(throttle.Attempt) error {
			if refuse {
				return &throttle.LimitError{RetryAfter: 1500 * time.Millisecond}
			}
			return nil
		})
		c.Hooks.BeforeLogin = func(_ context.Context, u kit.User) error {
			if len(u.Roles) == 0 {
				return nil
			}
			return &kit.Problem{Status: 418, Code: "teapot", Detail: u.Roles[0]}
		}
	})
	refuse = false
	u := a.register()
	tk := a.login()
	send := func() []answer {
		return []answer{
			a.grant("grant_type", "password", "username", testEmail, "password", goodPassword),
			a.grant("grant_type", "refresh_token", "refresh_token", tk.Refresh),
		}
	}
	refuse = true
	for _, r := range send() {
		if r.refused(429, "temporarily_unavailable", "Too many"); r.header.Get("Retry-After") != "2" {
			t.Errorf("%s: Retry-After %q, want 2", r.what, r.header.Get("Retry-After"))
		}
	}
	refuse = false
	for fault, want := range map[kittest.Fault]string{
		kittest.Down:   "503 temporarily_unavailable unavailable",
		kittest.Broken: "500 server_error our side",
		kittest.Panic:  "500 server_error our side",
	} {
		a.faults.Inject("*", fault, -1)
		for _, r := range send() {
			parts := strings.SplitN(want, " ", 3)
			r.refused(map[string]int{"503": 503, "500": 500}[parts[0]], parts[1], parts[2])
			if (r.header.Get("Retry-After") != "") != (r.status == 503) {
				t.Errorf("%s: %d with Retry-After %q", r.what, r.status, r.header.Get("Retry-After"))
			}
		}
		a.faults.Clear()
	}
	// An application's own refusal; a description that section 5.2 does not allow is left out.
	for detail, want := range map[string]string{"Not today!": "Not today!", "Für dich nicht.": "", `Not "today".`: "", `Not\today.`: ""} {
		if _, err := a.SetRoles(context.Background(), u.ID, detail); err != nil {
			t.Fatal(err)
		}
		a.grant("grant_type", "password", "username", testEmail, "password", goodPassword).refused(400, "invalid_grant", want)
	}
}

// golang.org/x/oauth2 logs in and refreshes by itself, in each way in which it can send
// the client's credentials.
func TestGrantsWithXOAuth2(t *testing.T) {
	withBodies(t)
	for name, style := range map[string]oauth2.AuthStyle{
		"in the form": oauth2.AuthStyleInParams, "in the header": oauth2.AuthStyleInHeader, "found out": oauth2.AuthStyleAutoDetect,
	} {
		t.Run(name, func(t *testing.T) {
			// So short that the library takes each access token for expired at once.
			a := newApp(t, func(c *setup) { c.AccessTokenTTL = 5 * time.Second })
			a.register()
			ctx := context.WithValue(context.Background(), oauth2.HTTPClient, a.client)
			config := oauth2.Config{ClientID: "web", ClientSecret: "s", Endpoint: oauth2.Endpoint{TokenURL: a.url + "/auth/login", AuthStyle: style}}
			var refused *oauth2.RetrieveError
			if _, err := config.PasswordCredentialsToken(ctx, testEmail, "wrong"); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
				t.Fatalf("a wrong password: %v", err)
			}
			token, err := config.PasswordCredentialsToken(ctx, testEmail, goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			source := config.TokenSource(ctx, token)
			client := oauth2.NewClient(ctx, source)
			seen := map[string]bool{token.RefreshToken: true}
			for range 3 {
				response, err := client.Get(a.url + "/auth/me")
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Errorf("me: %d", response.StatusCode)
				}
				if token, err = source.Token(); err != nil {
					t.Fatal(err)
				}
				seen[token.RefreshToken] = true
				a.clock.Advance(11 * time.Second)
			}
			if len(seen) != 4 {
				t.Errorf("%d refresh tokens, want 4: each round is after a grace", len(seen))
			}
			a.logout(token.RefreshToken).is(204)
			if _, err := source.Token(); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" || !strings.Contains(refused.ErrorDescription, "revoked") {
				t.Errorf("after the logout: %v", err)
			}
		})
	}
}
