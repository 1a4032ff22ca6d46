package provider

import (
	"context"

	"myauth.internal/kit"
)

// What feature.go and the flow need of the accounts' part, until it is here with these names.

var (
	errLinkRequired    = kit.NewProblem(409, "link_required", "Link required", "There is already an account with this email address. Sign in to it, and link this provider there.")
	errEmailUnverified = kit.NewProblem(403, "email_unverified", "Email unverified", "We sent a link to your email address. Follow it to finish.")
)

var mails []kit.MailRule

func (p *providers) wayIn(ctx context.Context, u kit.User, except string) (bool, error) {
	panic("not yet")
}

// serveConfirm is POST /providers/confirm. flowOf(r, flow, mailed) says whether the browser has
// begun the flow; the answer then has noCookie(flow).
func (p *providers) serveConfirm(ctx context.Context, r kit.Request) (kit.Answer, error) {
	panic("not yet")
}

// serveIdentities is GET /identities.
func (p *providers) serveIdentities(ctx context.Context, r kit.Request) (kit.Answer, error) {
	panic("not yet")
}

// serveUnlink is DELETE /identities/{id}.
func (p *providers) serveUnlink(ctx context.Context, r kit.Request) (kit.Answer, error) {
	panic("not yet")
}

// show returns an identity as its owner sees it, for JSON.
func (p *providers) show(i identity) any { panic("not yet") }
