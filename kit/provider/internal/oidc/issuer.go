// Package oidc is what a client of OpenID Connect needs to know and to check: the metadata of a
// provider, its keys, and its ID tokens.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"myauth.internal/kit/provider/internal/fetch"
)

var (
	// ErrUnavailable is the error when the metadata or the keys cannot be had, or are not to be
	// believed. It is package fetch's.
	ErrUnavailable = fetch.ErrUnavailable
	// ErrNonce is the error of an ID token of another login.
	ErrNonce = errors.New("oidc: the nonce of the ID token is another one")
)

// RefusedError is an ID token that is not to be believed.
type RefusedError struct {
	// Reason says why, without any text of the token.
	Reason string
}

func (e RefusedError) Error() string { return "oidc: the ID token was refused: " + e.Reason }

// Options are for [New].
type Options struct {
	// Issuer is the issuer, exactly as in its metadata and ID tokens. Endpoints may be http only if it
	// is.
	Issuer string
	// Client makes the requests, within the bounds of [fetch.Client].
	Client *http.Client
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Alias is what ID tokens may have in place of Issuer, as those of Google may; empty for none. Claims
	// have Issuer all the same.
	Alias string
	// TenantTemplate is for issuers of Microsoft that stand for many, such as
	// https://login.microsoftonline.com/common/v2.0. Their metadata has {tenantid} in place of the
	// first part of the path, and the iss of a token the tenant of its user, which its tid names.
	TenantTemplate bool
}

// Issuer is an OpenID provider. It asks for nothing before it must, and then once for all callers
// that wait.
type Issuer struct {
	issuer   string
	expected string // the issuer that the metadata has: a template, with TenantTemplate
	client   *http.Client
	now      func() time.Time
	template bool
	alias    string

	metadata cache[Metadata]
	keys     cache[keySet]
}

// New returns an issuer. It makes no request. An issuer that is no URL is ErrUnavailable later on.
func New(o Options) *Issuer {
	if o.Now == nil {
		o.Now = time.Now
	}
	i := &Issuer{issuer: o.Issuer, expected: o.Issuer, client: o.Client, now: o.Now, template: o.TenantTemplate, alias: o.Alias}
	if i.template {
		i.expected = templateOf(o.Issuer)
	}
	i.metadata.init(o.Now, i.fetchMetadata)
	i.keys.init(o.Now, i.fetchKeys)
	return i
}

// get returns the body of a document, which must be JSON by its grammar; nothing is expected of its
// type. authorization is the header, or empty.
func (i *Issuer) get(ctx context.Context, url, authorization string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL is not valid", ErrUnavailable)
	}
	req.Header.Set("Accept", "application/json")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := i.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s answered %d", ErrUnavailable, url, resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}
