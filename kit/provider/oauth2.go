package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/provider/internal/fetch"
)

// Endpoints are where an OAuth 2.0 provider without OpenID Connect is asked.
type Endpoints struct {
	// Authorization and Token are the URLs of RFC 6749 section 3.
	Authorization, Token string
	// SecretInHeader: the client proves itself by HTTP Basic authentication (RFC 6749 section
	// 2.3.1). Otherwise by parameters in the body, as most such providers want it.
	SecretInHeader bool
}

// OAuth2 returns a provider that speaks OAuth 2.0 without OpenID Connect, such as Discord or
// Facebook. Config.Name, ClientID and Issuer must be set, Scopes as identify needs them. Issuer is
// a URL that stands for the provider, in the identities too, so it must never change; if the
// provider sends iss (RFC 9207), it is that.
//
// identify asks the provider who the user is. Its client authorizes each request with the access
// token, follows no redirect, and bounds each answer to a MiB and 10 seconds, as [Config] has it.
// Account.Subject must be what the provider never changes and never gives to another user: a number
// or a key, never a name or an address. EmailVerified counts for Config.EmailDomains. A
// [kit.Problem] refuses the user, and the page hears its Code; another error is an outage of the
// provider, and its text is logged.
//
// Without an ID token there is no nonce; PKCE and the state bind the answer to the browser. Native
// apps have nothing that they could send, so Config.NativeClientIDs must be empty.
func OAuth2(c Config, e Endpoints, identify func(ctx context.Context, client *http.Client) (Account, error)) Provider {
	c.Label = cmp.Or(c.Label, c.Name)
	return Provider{Config: c, connect: func(c Config, redirectURI string, now func() time.Time) (protocol, error) {
		if err := checkConfig(c); err != nil {
			return nil, err
		}
		for _, u := range [][2]string{
			{"Config.Issuer", c.Issuer}, {"Endpoints.Authorization", e.Authorization}, {"Endpoints.Token", e.Token},
		} {
			if err := checkURL(c, u[0], u[1]); err != nil {
				return nil, err
			}
		}
		switch {
		case identify == nil:
			return nil, fmt.Errorf("provider: %s: identify is nil", c.Name)
		case len(c.NativeClientIDs) > 0:
			return nil, fmt.Errorf("provider: %s: Config.NativeClientIDs must be empty, because this provider has no ID tokens", c.Name)
		}
		p := &plainOAuth2{c: c, identify: identify, now: now, conf: oauth2.Config{
			ClientID: c.ClientID, ClientSecret: string(c.ClientSecret), RedirectURL: redirectURI, Scopes: scopes(c.Scopes, nil),
			Endpoint: oauth2.Endpoint{AuthURL: e.Authorization, TokenURL: e.Token, AuthStyle: oauth2.AuthStyleInParams},
		}}
		if e.SecretInHeader && c.ClientSecret != "" {
			p.conf.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		}
		p.client = fetch.Client(fetch.Options{Transport: c.Transport, AllowPrivate: c.AllowPrivate})
		return p, nil
	}}
}

// plainOAuth2 is the protocol of a provider without OpenID Connect.
type plainOAuth2 struct {
	c        Config
	conf     oauth2.Config
	client   *http.Client
	identify func(context.Context, *http.Client) (Account, error)
	now      func() time.Time
}

func (p *plainOAuth2) authURL(_ context.Context, b begin) (string, error) {
	return p.conf.AuthCodeURL(b.State, oauth2.S256ChallengeOption(b.Verifier)), nil
}

func (p *plainOAuth2) redeem(ctx context.Context, a answer) (assertion, error) {
	if a.Issuer != "" && a.Issuer != p.c.Issuer {
		return assertion{}, errOtherIssuer
	}
	tokens, err := redeemCode(ctx, p.client, &p.conf, a, p.now())
	if err != nil {
		return assertion{}, err
	}
	authorized := *p.client
	authorized.Transport = &oauth2.Transport{Base: p.client.Transport, Source: oauth2.StaticTokenSource(tokens)}
	account, err := p.identify(ctx, &authorized)
	if errors.As(err, new(*kit.Problem)) {
		return assertion{}, err
	} else if err != nil {
		return assertion{}, unavailable("asking who the user is", err)
	}
	asserted, err := newAssertion(p.c, p.c.Issuer, account, false)
	if p.c.KeepTokens {
		asserted.tokens = tokens
	}
	return asserted, err
}

func (p *plainOAuth2) refresh(ctx context.Context, t *oauth2.Token) (*oauth2.Token, error) {
	return refreshToken(ctx, p.client, &p.conf, t, p.now())
}

func (p *plainOAuth2) native(context.Context, string, string) (assertion, error) {
	return assertion{}, errRefused{"the provider has no ID tokens"}
}
