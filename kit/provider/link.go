package provider

import (
	"context"
	"crypto/rand"
	"net/url"

	"myauth.internal/kit"
)

// serveLink is POST /providers/{name}/link. It returns a URL that begins a flow for this user and
// session. The URL alone links nothing, whoever opens it: the exchange wants the access token of the
// same session, and the cookie of the browser or the page's code_verifier.
func (p *providers) serveLink(_ context.Context, r kit.Request) (kit.Answer, error) {
	c, err := p.client(r)
	if err != nil {
		return kit.Answer{}, err
	}
	var redirectTo, challenge string
	if err := r.Body.Decode([]kit.Field{
		{Name: "redirect_to", Text: &redirectTo, Optional: true, Empty: true}, {Name: "code_challenge", Text: &challenge, Optional: true, Empty: true},
	}, nil); err != nil {
		return kit.Answer{}, err
	}
	w, err := p.want(redirectTo, challenge)
	if err != nil {
		return kit.Answer{}, err
	}
	if !r.User.Verified {
		// A stranger who registered the address would keep a way in after its owner comes.
		return kit.Answer{}, kit.ErrEmailNotVerified
	}
	until := p.core.Now().Add(linkTTL)
	w.Link = &linking{User: r.User.ID, Session: r.Claims.SessionID, Nonce: rand.Text(), Until: until.Unix()}
	data, err := encode(w)
	if err != nil {
		return kit.Answer{}, err
	}
	sealed, err := p.core.SealState(stateLink, until, data, c.Name)
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.JSON(200, map[string]string{"url": p.baseURL + "/providers/" + c.Name + "/start?link=" + url.QueryEscape(string(sealed))})
}
