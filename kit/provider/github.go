package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// githubIssuer is what GitHub says of itself (RFC 9207):
// https://docs.github.com/en/apps/github-authentication-discovery-endpoints
const githubIssuer = "https://github.com/login/oauth"

// GitHub returns sign-in with GitHub, named github. Config.ClientID and ClientSecret are those of
// an OAuth app, or of a GitHub App with read access to email addresses. For GitHub Enterprise,
// Config.Issuer is https://HOST/login/oauth.
//
// The identity is the number of the user, because GitHub gives a login name that somebody has left
// to another. The address is the primary one, if it is verified. GitHub has proved it once; whether
// that counts is for Config.EmailDomains to say: "*" takes GitHub's word. There are no ID tokens,
// so no native apps.
func GitHub(c Config) Provider {
	c.Name, c.Label = cmp.Or(c.Name, "github"), cmp.Or(c.Label, "GitHub")
	c.Issuer = cmp.Or(c.Issuer, githubIssuer)
	c.Scopes = scopes([]string{"user:email"}, c.Scopes)
	api := githubAPI(c.Issuer)
	p := OAuth2(c, Endpoints{Authorization: c.Issuer + "/authorize", Token: c.Issuer + "/access_token"},
		func(ctx context.Context, client *http.Client) (Account, error) { return askGitHub(ctx, client, api) })
	connect := p.connect
	p.connect = func(c Config, redirectURI string, now func() time.Time) (protocol, error) {
		if !strings.HasSuffix(c.Issuer, "/login/oauth") {
			return nil, fmt.Errorf("provider: %s: Config.Issuer must be https://HOST/login/oauth", c.Name)
		}
		if err := needsSecret(c); err != nil {
			return nil, err
		}
		return connect(c, redirectURI, now)
	}
	return p
}

// githubAPI returns where the REST API of a GitHub is: below the host of an Enterprise Server,
// before that of github.com and of GHE.com.
// https://docs.github.com/en/enterprise-server@latest/rest/using-the-rest-api/getting-started-with-the-rest-api
func githubAPI(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return "" // OAuth2 refuses the issuer
	}
	if u.Host == "github.com" || strings.HasSuffix(u.Host, ".ghe.com") {
		return u.Scheme + "://api." + u.Host
	}
	return u.Scheme + "://" + u.Host + "/api/v3"
}

// askGitHub asks who the user is.
// https://docs.github.com/en/rest/users/users, https://docs.github.com/en/rest/users/emails
func askGitHub(ctx context.Context, client *http.Client, api string) (Account, error) {
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Name  string `json:"name"`
	}
	if _, err := getGitHub(ctx, client, api+"/user", &user); err != nil {
		return Account{}, err
	}
	if user.ID <= 0 {
		return Account{}, errors.New("GitHub's user has no number")
	}
	account := Account{Subject: strconv.FormatInt(user.ID, 10), Name: cmp.Or(user.Name, user.Login)}
	var emails []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	status, err := getGitHub(ctx, client, api+"/user/emails?per_page=100", &emails)
	if status == http.StatusForbidden || status == http.StatusNotFound {
		return account, nil // the GitHub App has no permission to read addresses
	}
	for _, e := range emails {
		if e.Primary {
			account.Email, account.EmailVerified = e.Email, e.Verified
		}
	}
	return account, err
}

// getGitHub decodes what a route of the API answers. It returns the status too.
func getGitHub(ctx context.Context, client *http.Client, route string, into any) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, route, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, fmt.Errorf("%s answered %d", req.URL.Path, resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return resp.StatusCode, fmt.Errorf("%s answered with something else", req.URL.Path)
	}
	return resp.StatusCode, nil
}
