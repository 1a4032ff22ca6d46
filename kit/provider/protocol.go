package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
)

// Provider is one provider, as a preset, [OpenIDConnect] or [OAuth2] made it, for [New].
type Provider struct {
	Config
	// connect checks the configuration and returns the protocol. It does no I/O. redirectURI is
	// the callback of this provider.
	connect func(c Config, redirectURI string, now func() time.Time) (protocol, error)
	// formPost: the provider posts its answer as a form (OAuth 2.0 Form Post Response Mode), so
	// the cookie of the flow must be one that other sites may send.
	formPost bool
}

// protocol is how one provider is asked. Its errors are errUnavailable, errDenied, an errRefused
// or errStale.
type protocol interface {
	// authURL returns where the browser goes first.
	authURL(ctx context.Context, b begin) (string, error)
	// redeem turns what came back into what the provider says of its user.
	redeem(ctx context.Context, a answer) (assertion, error)
	// native checks the ID token of a native app. It is only called with NativeClientIDs.
	native(ctx context.Context, idToken, nonce string) (assertion, error)
	// refresh asks for new tokens: see Config.KeepTokens. errStale: the refresh token does not
	// count any more.
	refresh(ctx context.Context, t *oauth2.Token) (*oauth2.Token, error)
}

// begin is what a flow begins with.
type begin struct {
	unprinted

	State, Nonce string
	Verifier     string // of PKCE (RFC 7636); the method is always S256
}

// answer is what the provider's redirect, or its form, says, with what the flow began with.
type answer struct {
	unprinted

	Code     string
	Issuer   string // the parameter iss (RFC 9207), or empty
	Nonce    string
	Verifier string
	User     string // the parameter user, which Apple posts at the first login
}

// assertion is what a provider has said, and MyAuth has checked.
type assertion struct {
	unprinted
	Account

	// Issuer and Subject are the identity.
	Issuer string
	// Proved: the provider's word that Email is the user's counts.
	Proved bool
	// Until is when the ID token of a native app is no longer taken.
	Until time.Time

	tokens *oauth2.Token // with Config.KeepTokens
}

var (
	// errUnavailable: the provider cannot be reached, does not answer in time, or answers with
	// something that is too large, a redirect or an error of its own.
	errUnavailable = fmt.Errorf("provider: the provider is not available: %w", kit.ErrUnavailable)
	// errDenied: the user, or the provider, does not want to.
	errDenied = errors.New("provider: the provider denied the login")
	// errStale: the answer belongs to no flow that is still open: its code was used or has
	// expired, or its nonce is another one's.
	errStale = errors.New("provider: the answer is of another login")
)

// errRefused is an answer of the provider that is not to be believed. The text says why, for the log
// and the audit stream.
type errRefused struct{ reason string }

func (e errRefused) Error() string { return "provider: the provider's answer was refused: " + e.reason }
