package invitation

import (
	_ "embed"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

//go:embed invitation.openapi.json
var openapi []byte

const (
	// MailInvitation has the link. Its zero User says that there is no account.
	MailInvitation kit.MailKind = "invitation"

	// EventMade has the ID of the invitation as Target, and the administrator as Actor.
	EventMade kit.EventKind = "invitation_made"
	// EventRevoked has them too.
	EventRevoked kit.EventKind = "invitation_revoked"
	// EventAccepted has the ID of the invitation as Target, and the new account as UserID.
	EventAccepted kit.EventKind = "invitation_accepted"

	// ActionAccept is the guess of a token, for a limiter.
	ActionAccept throttle.Action = "invitation_accept"
)

// Options are the optional settings of [New]. nil means the defaults.
type Options struct {
	// TTL is how long an invitation can be accepted: 1 hour to 30 days, default 7 days.
	TTL time.Duration
}

// New returns invitations, for kit.Options.Features. They need kit.Options.Mailer: only a mail has
// the token.
func New(opts *Options) kit.Feature {
	if opts == nil {
		opts = &Options{}
	}
	return feature{*opts}
}

type feature struct{ opts Options }

// Name is "invitation".
func (feature) Name() string { return "invitation" }

const day = 24 * time.Hour

// Attach is called by kit.New. One feature may serve several Services.
func (f feature) Attach(core *kit.Core) (kit.Extension, error) {
	i := &invitations{core, f.opts.TTL}
	switch {
	case i.ttl == 0:
		i.ttl = 7 * day
	case i.ttl < time.Hour || i.ttl > 30*day:
		return kit.Extension{}, fmt.Errorf("Options.TTL is %v: it must be between 1 hour and 30 days", i.ttl)
	}
	return kit.Extension{
		Routes: []kit.Route{
			{Method: "POST", Path: "/admin/invitations", Access: kit.AdminOnly, Body: kit.JSONBody, Serve: i.serveMake},
			{Method: "GET", Path: "/admin/invitations", Access: kit.AdminOnly, Serve: i.serveList},
			{Method: "DELETE", Path: "/admin/invitations/{id}", Access: kit.AdminOnly, Serve: i.serveRevoke},
			{Method: "POST", Path: "/invitations/accept", Access: kit.Public, Body: kit.JSONBody, Serve: i.serveAccept},
		},
		OpenAPI: openapi,
		Mails:   []kit.MailRule{i.mail()},
		Pages:   []kit.Page{i.page()},
	}, nil
}

// mail says who invites by the name of the product only: the name of an administrator is what its
// owner wrote, and the address would tell strangers whom to attack.
func (i *invitations) mail() kit.MailRule {
	return kit.MailRule{
		Kind: MailInvitation, TTL: i.ttl, Subject: "You are invited to {{.ProductName}}",
		Text: "You are invited to {{.ProductName}}: somebody who runs it would like you to have an account there. To choose a name and a password, follow this link:\n\n{{.Link}}\n\n" +
			"The link is for you alone. It works once and expires in {{.ValidFor}}. Don't share it with anyone: whoever has it could make the account in your place.\n\n" +
			"If you don't want an account, ignore this email. Nothing will happen, and there is no account until you make it.\n",
	}
}

// invitations is the feature in one Service.
type invitations struct {
	core *kit.Core
	ttl  time.Duration
}
