package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// The values of the parameter error at the target, beside the codes of kit.Problem.
const (
	invalidState        = "invalid_state"
	providerDenied      = "provider_denied"
	providerUnavailable = "provider_unavailable"
	emailNotConfigured  = "email_not_configured"
)

// serveCallback is GET and POST /providers/{name}/callback. Nothing is asked of the provider before
// the state is found to be that of a flow of this browser and of this provider, and nothing is
// written before the provider has answered.
func (p *providers) serveCallback(ctx context.Context, r kit.Request) (kit.Answer, error) {
	c, err := p.client(r)
	if err != nil {
		return kit.Answer{}, err
	}
	in := parametersOf(r)
	f, st, err := p.answers(ctx, r, c, in("state"))
	if err != nil {
		return p.refuse(ctx, c, f, err)
	}
	a, err := p.redeem(ctx, c, f, in)
	if err != nil {
		return p.refuse(ctx, c, f, err, noCookie(f.ID))
	}
	if err := p.spend(ctx, f, st); err != nil {
		return p.refuse(ctx, c, f, err)
	}
	return p.finish(ctx, c, f, a)
}

// parametersOf returns the parameters of the provider's answer, in the query or a form. Of a form
// that cannot be read there are none.
func parametersOf(r kit.Request) func(name string) string {
	form := r.Body.Form
	switch {
	case r.Body.FormErr != nil:
		form = map[string]string{}
	case form == nil:
		return r.QueryValue
	}
	return func(name string) string { return form[name] }
}

// answers returns the flow that a provider's answer belongs to. With an error it has the target still:
// the first of all, if nobody knows it. Errors: an errStale, those of the store.
func (p *providers) answers(ctx context.Context, r kit.Request, c client, state string) (flow, kit.State, error) {
	id, _, _ := strings.Cut(state, ".")
	f, st, err := p.flowOf(r, id, begun)
	if !slices.Contains(p.redirects, f.Redirect) { // the list has changed, or there is no flow
		f.Redirect = p.redirects[0]
	}
	switch {
	case err != nil:
		return f, st, err
	case f.Provider != c.Name:
		return f, st, fmt.Errorf("%w: the flow is another provider's", errStale)
	case !same(f.State, state):
		return f, st, fmt.Errorf("%w: the state is another one", errStale)
	}
	spent, err := p.core.StateSpent(ctx, st)
	if err == nil && spent {
		err = fmt.Errorf("%w: the state was used", errStale)
	}
	return f, st, err
}

// redeemTimeout bounds all requests of a callback together. One that has begun to fetch metadata or keys
// ends within 10 seconds more: before servers give up on an answer, often after 30.
const redeemTimeout = 15 * time.Second

// redeem asks the provider whose account it is. A wrong answer is counted against its source,
// which makes a request to the provider with each.
func (p *providers) redeem(ctx context.Context, c client, f flow, in func(string) string) (a assertion, err error) {
	if reason := in("error"); reason != "" {
		return a, errorOf(reason)
	}
	if in("code") == "" {
		return a, errRefused{"it has neither a code nor an error"}
	}
	err = p.core.Attempt(ctx, throttle.Attempt{Action: throttle.ActionLogin}, "", func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, redeemTimeout)
		defer cancel()
		a, err = c.redeem(ctx, answer{Code: in("code"), Issuer: in("iss"), Nonce: f.Nonce, Verifier: f.Verifier, User: in("user")})
		if errors.Is(err, errStale) {
			err = fmt.Errorf("%w: %w", kit.ErrInvalidToken, err)
		}
		return err
	})
	return a, err
}

// errorOf returns the error that a provider answers (RFC 6749 section 4.1.2.1). Anybody may have
// written the text.
func errorOf(reason string) error {
	switch {
	case reason == "access_denied", reason == "user_cancelled_authorize": // the second is Apple's
		return errDenied
	case len(reason) > 40 || strings.Trim(reason, "abcdefghijklmnopqrstuvwxyz_") != "":
		reason = "unknown"
	}
	return errRefused{"it is the error " + reason}
}

// spend uses a flow up, so of two answers to it one goes on. Errors: an errStale.
func (p *providers) spend(ctx context.Context, f flow, st kit.State) error {
	userID := ""
	if f.Link != nil {
		userID = f.Link.User
	}
	err := p.core.SpendState(ctx, userID, st)
	if errors.Is(err, kit.ErrRevokedToken) {
		return fmt.Errorf("%w: the state was used", errStale)
	}
	if err != nil || f.Link == nil {
		return err
	}
	// A flow that began at the last moment may come back until then.
	until := time.Unix(f.Link.Until, 0).Add(flowTTL)
	err = p.core.Once(ctx, userID, stateLink, f.Link.Nonce, until)
	if errors.Is(err, kit.ErrConflict) {
		return fmt.Errorf("%w: the link was used", errStale)
	}
	return err
}

// finish sends the browser to the target with a code. A login that the exchange would refuse
// ends here.
func (p *providers) finish(ctx context.Context, c client, f flow, a assertion) (kit.Answer, error) {
	var u kit.User
	var err error
	if f.Link == nil {
		u, err = p.foresee(ctx, c, a)
	}
	if errors.Is(err, errEmailUnverified) {
		return p.await(ctx, c, f, a)
	} else if err != nil {
		return p.refuse(ctx, c, f, err, noCookie(f.ID))
	}
	if err := p.tokensWait(ctx, c, f.ID, a.tokens); err != nil {
		return p.refuse(ctx, c, f, err, noCookie(f.ID))
	}
	until := p.core.Now().Add(codeTTL)
	code, err := p.sealCode(pass{Flow: f.ID, Provider: c.Name, Challenge: f.Challenge, Link: f.Link, Assertion: keep(a), User: u.ID, SessionEpoch: u.SessionEpoch, CredentialEpoch: u.CredentialEpoch}, until)
	if err != nil {
		return p.refuse(ctx, c, f, err, noCookie(f.ID))
	}
	cookie := noCookie(f.ID)
	if f.Challenge == "" {
		if cookie, err = p.cookie(flow{ID: f.ID, Stage: answered}, until, false); err != nil {
			return kit.Answer{}, err
		}
	}
	return kit.Answer{Status: 303, Location: with(f.Redirect, "code", string(code)), Cookies: []kit.Cookie{cookie}}, nil
}

// await mails the link that finishes a sign-up. The browser keeps a cookie of the flow: it shows
// that who follows the link has begun it.
func (p *providers) await(ctx context.Context, c client, f flow, a assertion) (kit.Answer, error) {
	if err := p.mailConfirmation(ctx, c, a, f.ID); err != nil {
		return p.refuse(ctx, c, f, err, noCookie(f.ID))
	}
	cookie, err := p.cookie(flow{ID: f.ID, Stage: mailed}, p.core.Now().Add(confirmTTL), false)
	if err != nil {
		return kit.Answer{}, err
	}
	return p.refuse(ctx, c, f, errEmailUnverified, cookie)
}

// refuse sends the browser to the target of a flow with an error, if it is one of those that pages
// know. Whatever else went wrong is a problem.
func (p *providers) refuse(ctx context.Context, c client, f flow, err error, cookies ...kit.Cookie) (kit.Answer, error) {
	userID := ""
	if f.Link != nil {
		userID = f.Link.User
	}
	p.failed(ctx, c, userID, err)
	p.unavailable(ctx, c, err)
	code := ""
	problem := new(kit.Problem)
	switch {
	case errors.Is(err, errStale):
		code = invalidState
	case errors.Is(err, errDenied):
		code = providerDenied
	case errors.Is(err, errUnavailable), errors.As(err, new(errRefused)):
		code = providerUnavailable
	case errors.Is(err, kit.ErrEmailNotConfigured):
		code = emailNotConfigured
	case errors.As(err, &problem):
		code = problem.Code
	default:
		return kit.Answer{}, err
	}
	return kit.Answer{Status: 303, Location: with(f.Redirect, "error", url.QueryEscape(code)), Cookies: cookies}, nil
}
