package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"myauth.internal/kit/ijson"
)

// Metadata is what a provider says of itself: OpenID Connect Discovery 1.0, section 3.
type Metadata struct {
	// Issuer is the configured one; with TenantTemplate a template.
	Issuer                string
	AuthorizationEndpoint string
	TokenEndpoint         string
	JWKSURI               string
	// UserinfoEndpoint is empty if the provider has none.
	UserinfoEndpoint string
	// IssParameter: an authorization response has the parameter iss (RFC 9207).
	IssParameter bool
	// Algorithms are those of ID tokens: RS256 if the provider names none.
	Algorithms []string
	// AuthMethods are the ways in which a client authenticates at the token endpoint:
	// client_secret_basic if the provider names none.
	AuthMethods []string
}

// Metadata returns the metadata, from the provider once a day. When the provider is away, what it said
// before counts for another day. The slices are shared: the caller must not change them. Every error
// wraps ErrUnavailable.
func (i *Issuer) Metadata(ctx context.Context) (Metadata, error) {
	m, err := i.metadata.get(ctx, nil)
	if err != nil {
		return Metadata{}, err
	}
	return *m, nil
}

func (i *Issuer) fetchMetadata(ctx context.Context) (*Metadata, error) {
	text, err := i.get(ctx, strings.TrimSuffix(i.issuer, "/")+"/.well-known/openid-configuration", "")
	if err == nil {
		var m *Metadata
		if m, err = readMetadata(text, i.expected); err == nil {
			return m, nil
		}
	}
	return nil, unavailable(fmt.Errorf("metadata of %s: %w", i.issuer, err))
}

// templateOf puts {tenantid} in the place of the first part of the path.
func templateOf(issuer string) string {
	scheme, rest, _ := strings.Cut(issuer, "://")
	host, path, _ := strings.Cut(rest, "/")
	_, path, _ = strings.Cut(path, "/")
	return scheme + "://" + host + "/" + tenant + "/" + path
}

const (
	tenant      = "{tenantid}"
	maxEndpoint = 2 << 10 // bytes
)

// readMetadata reads the metadata of the provider whose issuer is expected.
func readMetadata(text []byte, expected string) (*Metadata, error) {
	var m Metadata
	err := ijson.Object(text, 8, func(name, value []byte) (err error) {
		switch string(name) {
		case "issuer":
			m.Issuer, err = ijson.String(value)
		case "authorization_endpoint":
			m.AuthorizationEndpoint, err = ijson.String(value)
		case "token_endpoint":
			m.TokenEndpoint, err = ijson.String(value)
		case "userinfo_endpoint":
			m.UserinfoEndpoint, err = ijson.String(value)
		case "jwks_uri":
			m.JWKSURI, err = ijson.String(value)
		case "authorization_response_iss_parameter_supported":
			m.IssParameter = string(value) == "true"
		case "id_token_signing_alg_values_supported":
			m.Algorithms, err = ijson.Strings(value)
		case "token_endpoint_auth_methods_supported":
			m.AuthMethods, err = ijson.Strings(value)
		}
		if err != nil {
			err = fmt.Errorf("%s is of the wrong type", name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if m.Issuer != expected {
		return nil, fmt.Errorf("its issuer is not exactly %s: configure the issuer as the metadata has it, a slash at the end included", expected)
	}
	if m.Algorithms == nil {
		m.Algorithms = []string{"RS256"}
	}
	if m.AuthMethods == nil {
		m.AuthMethods = []string{"client_secret_basic"}
	}
	insecure := strings.HasPrefix(expected, "http://")
	for _, e := range []struct{ name, url string }{
		{"authorization_endpoint", m.AuthorizationEndpoint}, {"token_endpoint", m.TokenEndpoint}, {"jwks_uri", m.JWKSURI},
	} {
		if !isEndpoint(e.url, insecure) {
			return nil, fmt.Errorf("its %s is not an https URL", e.name)
		}
	}
	if m.UserinfoEndpoint != "" && !isEndpoint(m.UserinfoEndpoint, insecure) {
		return nil, errors.New("its userinfo_endpoint is not an https URL")
	}
	return &m, nil
}

// isEndpoint reports whether a URL can be that of an endpoint: RFC 6749, section 3.1. A browser gets it
// in a header.
func isEndpoint(text string, insecure bool) bool {
	if len(text) > maxEndpoint || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http" && insecure) &&
		u.Hostname() != "" && u.User == nil && u.Fragment == ""
}
