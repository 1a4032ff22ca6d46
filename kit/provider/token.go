package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// redeemCode trades the code of an answer for the provider's tokens, by one request. The style of
// conf.Endpoint must be set, because the default tries two ways.
func redeemCode(ctx context.Context, client *http.Client, conf *oauth2.Config, a answer, now time.Time) (*oauth2.Token, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	tokens, err := conf.Exchange(ctx, a.Code, oauth2.VerifierOption(a.Verifier))
	return dated(tokens, err, now)
}

// refreshToken trades a refresh token for new tokens, by one request. Errors: errStale if the refresh
// token does not count any more.
func refreshToken(ctx context.Context, client *http.Client, conf *oauth2.Config, t *oauth2.Token, now time.Time) (*oauth2.Token, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	tokens, err := conf.TokenSource(ctx, &oauth2.Token{RefreshToken: t.RefreshToken}).Token()
	return dated(tokens, err, now)
}

// dated sets when tokens expire, by the Service's clock.
func dated(tokens *oauth2.Token, err error, now time.Time) (*oauth2.Token, error) {
	if err != nil {
		return nil, tokenError(err)
	}
	if tokens.ExpiresIn > 0 {
		tokens.Expiry = now.Add(time.Duration(tokens.ExpiresIn) * time.Second)
	}
	return tokens, nil
}

// tokenErrors are the error codes that a log may show: those of RFC 6749 section 5.2 and
// OpenID Connect, and those that GitHub has instead. Any other text could be a token.
var tokenErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"server_error", "temporarily_unavailable", "access_denied", "interaction_required",
	"incorrect_client_credentials", "redirect_uri_mismatch",
}

// tokenError classifies what became of a token request. The error repeats nothing of the answer
// but a well-known code: the rest could hold a token, the code or the client's secret.
func tokenError(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		var transport *url.Error
		if errors.As(err, &transport) {
			return unavailable("the token request failed", transport.Err)
		}
		// Other errors may quote the answer.
		return fmt.Errorf("%w: what the token endpoint answered is no token response", errUnavailable)
	}
	status := refused.Response.StatusCode
	switch code := refused.ErrorCode; {
	case code == "invalid_grant", code == "bad_verification_code", code == "bad_refresh_token": // the others are GitHub's
		return errStale
	case code == "unverified_user_email": // GitHub's, until the user has verified an address
		return errDenied
	case slices.Contains(tokenErrors, code):
		return fmt.Errorf("%w: the token endpoint answered %d, %s", errUnavailable, status, code)
	default:
		return fmt.Errorf("%w: the token endpoint answered %d", errUnavailable, status)
	}
}

// unavailable returns an errUnavailable that says what failed.
func unavailable(what string, err error) error {
	return fmt.Errorf("%w: %s: %w", errUnavailable, what, err)
}

// scopes returns the scopes of the sign-in and those of the application, each once.
func scopes(signIn, more []string) []string {
	var all []string
	for _, s := range slices.Concat(signIn, more) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
