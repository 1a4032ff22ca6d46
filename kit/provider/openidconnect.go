package provider

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit/provider/internal/fetch"
	"myauth.internal/kit/provider/internal/oidc"
)

// OpenIDConnect returns a provider that speaks OpenID Connect, known by its issuer alone: the rest
// is in its metadata (OpenID Connect Discovery 1.0). Config.Name, Issuer and ClientID must be set.
// Its word that an address is verified counts for Config.EmailDomains only. Where the ID token has no
// address, its UserInfo endpoint is asked for it.
func OpenIDConnect(c Config) Provider {
	c.Label = cmp.Or(c.Label, c.Name)
	return openIDConnect(c, dialect{scopes: openIDScopes, complete: true})
}

var openIDScopes = []string{"openid", "email", "profile"}

// dialect is what one OpenID Connect provider does in its own way. The zero value is the standard.
type dialect struct {
	scopes     []string          // that the sign-in needs
	parameters map[string]string // more parameters of the authorization request
	formPost   bool              // see Provider
	complete   bool              // an address that is not in the ID token is asked for: one more request
	style      oauth2.AuthStyle  // how the client proves itself; 0: as the metadata says
	tenants    bool              // see oidc.Options.TenantTemplate
	alias      string            // see oidc.Options.Alias
	// secret makes what makes the client's secrets; nil means Config.ClientSecret.
	secret func(c Config, now func() time.Time) (func() (string, error), error)
	// check refuses a configuration; nil takes all.
	check func(c Config) error
	// accepts refuses users whom the provider should not have let in; nil takes all.
	accepts func(claims oidc.Claims) error
	// verified is the claim that says that the address is verified; empty means email_verified.
	verified string
	// proved reports whether the provider's word counts for a verified address, beside
	// Config.EmailDomains; nil means no.
	proved func(claims oidc.Claims, email string) bool
	// name reads the parameter user of the answer; nil ignores it.
	name func(user string) string
}

// openIDConnect returns a provider with a dialect.
func openIDConnect(c Config, d dialect) Provider {
	return Provider{Config: c, formPost: d.formPost, connect: func(c Config, redirectURI string, now func() time.Time) (protocol, error) {
		if err := errors.Join(checkConfig(c), checkURL(c, "Config.Issuer", c.Issuer)); err != nil {
			return nil, err
		}
		if d.check != nil {
			if err := d.check(c); err != nil {
				return nil, err
			}
		}
		secret := func() (string, error) { return string(c.ClientSecret), nil }
		if d.secret != nil {
			var err error
			if secret, err = d.secret(c, now); err != nil {
				return nil, err
			}
		}
		client := fetch.Client(fetch.Options{Transport: c.Transport, AllowPrivate: c.AllowPrivate})
		return &openID{
			Config: c, dialect: d, secret: secret, client: client, redirectURI: redirectURI, now: now,
			issuer: oidc.New(oidc.Options{Issuer: c.Issuer, Client: client, Now: now, TenantTemplate: d.tenants, Alias: d.alias}),
		}, nil
	}}
}

// openID is the protocol of an OpenID Connect provider.
type openID struct {
	Config
	dialect
	secret      func() (string, error)
	issuer      *oidc.Issuer
	client      *http.Client
	redirectURI string
	now         func() time.Time
}

func (o *openID) authURL(ctx context.Context, b begin) (string, error) {
	_, conf, err := o.discover(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(b.Verifier), oauth2.SetAuthURLParam("nonce", b.Nonce)}
	for name, value := range o.parameters {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return conf.AuthCodeURL(b.State, options...), nil
}

func (o *openID) redeem(ctx context.Context, a answer) (assertion, error) {
	meta, conf, err := o.discover(ctx)
	if err != nil {
		return assertion{}, err
	}
	if err := o.checkAnswer(a.Issuer, meta); err != nil {
		return assertion{}, err
	}
	tokens, err := redeemCode(ctx, o.client, conf, a, o.now())
	if err != nil {
		return assertion{}, err
	}
	idToken, _ := tokens.Extra("id_token").(string)
	if idToken == "" {
		return assertion{}, errRefused{"the token response has no ID token"}
	}
	claims, err := o.issuer.Verify(ctx, idToken, oidc.Want{
		Audiences: []string{o.ClientID}, Nonces: []string{a.Nonce},
	})
	if err != nil {
		return assertion{}, fromOIDC(err)
	}
	if a.Issuer != "" && a.Issuer != claims.Issuer {
		return assertion{}, errOtherIssuer
	}
	if o.complete && claims.Text("email") == "" {
		if claims, err = o.issuer.Complete(ctx, claims, tokens.AccessToken); err != nil {
			return assertion{}, fromOIDC(err)
		}
	}
	asserted, err := o.assert(claims, a.User)
	if o.KeepTokens {
		asserted.tokens = tokens
	}
	return asserted, err
}

func (o *openID) refresh(ctx context.Context, t *oauth2.Token) (*oauth2.Token, error) {
	_, conf, err := o.discover(ctx)
	if err != nil {
		return nil, err
	}
	return refreshToken(ctx, o.client, conf, t, o.now())
}

func (o *openID) native(ctx context.Context, idToken, nonce string) (assertion, error) {
	// Apps for Apple's systems give the hash of the nonce to Apple, and the nonce to their server.
	hash := sha256.Sum256([]byte(nonce))
	claims, err := o.issuer.Verify(ctx, idToken, oidc.Want{
		Audiences: o.NativeClientIDs, Nonces: []string{nonce, hex.EncodeToString(hash[:])},
	})
	if err != nil {
		return assertion{}, fromOIDC(err)
	}
	asserted, err := o.assert(claims, "")
	asserted.Until = claims.Expires.Add(2 * time.Minute) // it is taken for one, because clocks differ
	return asserted, err
}

// assert turns the claims of an ID token into what the accounts go by.
func (o *openID) assert(claims oidc.Claims, user string) (assertion, error) {
	if o.accepts != nil {
		if err := o.accepts(claims); err != nil {
			return assertion{}, err
		}
	}
	a := Account{
		Subject: claims.Subject, Name: claims.Text("name"),
		Email: claims.Text("email"), EmailVerified: claims.Flag(cmp.Or(o.verified, "email_verified")),
	}
	if o.dialect.name != nil && a.Name == "" {
		a.Name = o.dialect.name(user)
	}
	return newAssertion(o.Config, claims.Issuer, a, o.proved != nil && o.proved(claims, a.Email))
}

// errOtherIssuer: somebody has put the answer of one provider into the flow of another (the mix-up
// attack: RFC 9207).
var errOtherIssuer = errRefused{"its parameter iss is another provider"}

// checkAnswer compares the parameter iss of an answer before the code goes anywhere. A user's tenant
// is known later, by the ID token.
func (o *openID) checkAnswer(iss string, meta oidc.Metadata) error {
	before, after, template := strings.Cut(meta.Issuer, "{tenantid}")
	switch {
	case iss == "" && meta.IssParameter:
		return errRefused{"its parameter iss is missing"}
	case iss == "", iss == meta.Issuer:
		return nil
	case template && strings.HasPrefix(iss, before) && strings.HasSuffix(iss, after):
		return nil
	}
	return errOtherIssuer
}

// discover returns the metadata, and the provider as package oauth2 sees it.
func (o *openID) discover(ctx context.Context) (oidc.Metadata, *oauth2.Config, error) {
	meta, err := o.issuer.Metadata(ctx)
	if err != nil {
		return oidc.Metadata{}, nil, fromOIDC(err)
	}
	secret, err := o.secret()
	if err != nil {
		return oidc.Metadata{}, nil, err
	}
	conf := &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: secret, RedirectURL: o.redirectURI,
		Scopes:   scopes(o.dialect.scopes, o.Scopes),
		Endpoint: oauth2.Endpoint{AuthURL: meta.AuthorizationEndpoint, TokenURL: meta.TokenEndpoint, AuthStyle: o.style},
	}
	if o.style == oauth2.AuthStyleAutoDetect {
		conf.Endpoint.AuthStyle = clientAuthentication(secret, meta.AuthMethods)
	}
	return meta, conf, nil
}

// clientAuthentication returns how the client proves itself at the token endpoint: in the header if
// the provider takes that (RFC 6749 section 2.3.1), otherwise in the body. A public client only
// names itself, in the body.
func clientAuthentication(secret string, methods []string) oauth2.AuthStyle {
	if secret == "" || !slices.Contains(methods, "client_secret_basic") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// fromOIDC turns an error of package oidc into one of a protocol.
func fromOIDC(err error) error {
	var refused oidc.RefusedError
	switch {
	case errors.Is(err, oidc.ErrNonce):
		return errStale
	case errors.As(err, &refused):
		return errRefused{"the ID token: " + refused.Reason}
	default:
		return unavailable("its metadata or keys", err)
	}
}

// needsSecret is a dialect's check of a provider that has no public clients.
func needsSecret(c Config) error {
	if c.ClientSecret == "" {
		return fmt.Errorf("provider: %s: Config.ClientSecret is empty", c.Name)
	}
	return nil
}
