package provider

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"myauth.internal/kit"
)

var errForeignStart = kit.NewProblem(403, "cross_origin", "Cross-origin request", "Open this address in the browser itself, by a link or a redirect.")

// serveStart is GET /providers/{name}/start.
func (p *providers) serveStart(ctx context.Context, r kit.Request) (kit.Answer, error) {
	c, err := p.client(r)
	if err != nil {
		return kit.Answer{}, err
	}
	// A page of somebody else could load this as an image, again and again, and fill the browser
	// with cookies.
	if slices.ContainsFunc(r.HeaderValues("Sec-Fetch-Dest"), func(dest string) bool { return dest != "document" }) {
		return kit.Answer{}, errForeignStart
	}
	w, err := p.wanted(r, c)
	if err != nil {
		return kit.Answer{}, err
	}
	f := newFlow(c, w, p.core.Now())
	location, err := c.authURL(ctx, begin{State: f.State, Nonce: f.Nonce, Verifier: f.Verifier})
	if err != nil {
		p.unavailable(ctx, c, err)
		return kit.Answer{}, err
	}
	cookie, err := p.cookie(f, p.core.Now().Add(flowTTL), c.formPost)
	return kit.Answer{Status: 303, Location: location, Cookies: append(tooOld(r), cookie)}, err
}

// wanted returns what the query of a start says, or the link in it.
func (p *providers) wanted(r kit.Request, c client) (want, error) {
	text := r.QueryValue("link")
	if text == "" {
		return p.want(r.QueryValue("redirect_to"), r.QueryValue("code_challenge"))
	}
	st, err := p.core.OpenState(stateLink, text, c.Name)
	if err != nil {
		return want{}, err
	}
	var w want
	if err := json.Unmarshal(st.Data, &w); err != nil {
		return want{}, err
	}
	link := w.Link
	w, err = p.want(w.Redirect, w.Challenge) // the list may have changed
	w.Link = link
	return w, err
}

// unavailable writes a line for the operator of the application, who can do something about it.
func (p *providers) unavailable(ctx context.Context, c client, err error) {
	switch {
	case errors.Is(ctx.Err(), context.Canceled): // the client has left, which the provider cannot help
	case errors.Is(err, errUnavailable), errors.As(err, new(errRefused)):
		p.core.Logger().WarnContext(ctx, "myauth: a provider is not available, or its answer was refused", "provider", c.Name, "err", err)
	case errors.Is(err, kit.ErrEmailNotConfigured):
		p.core.Logger().WarnContext(ctx, "myauth: a provider has not proved an address, and there is no mail that could: set Options.Mailer, or Config.EmailDomains", "provider", c.Name)
	}
}
