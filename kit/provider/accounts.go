package provider

import (
	"context"

	"myauth.internal/kit"
)

// signIn returns the account that what a provider has said logs in to. In this order: the known
// identity's; one that is made for a free address; one of that address that nobody has verified,
// with nothing of whoever made it left. It writes what is missing. Errors: errLinkRequired,
// errEmailUnverified, what kit.Core.Register returns.
func (p *providers) signIn(ctx context.Context, c client, a assertion) (kit.User, error) {
	panic("not yet")
}

// foresee returns what signIn would, and writes nothing. The zero User stands for one that signIn
// would make or claim.
func (p *providers) foresee(ctx context.Context, c client, a assertion) (kit.User, error) {
	panic("not yet")
}

// link adds an identity to an account whose owner is signed in. One that is the owner's already
// is no error. Errors: errAlreadyLinked, kit.ErrEmailNotVerified, errTooMany.
func (p *providers) link(ctx context.Context, u kit.User, c client, a assertion) (identity, error) {
	panic("not yet")
}

// mailConfirmation mails the link that finishes a sign-up whose address nobody has proved yet: to
// a free address or a taken one alike. flow is that of the browser that has begun it; empty for a
// native app.
func (p *providers) mailConfirmation(ctx context.Context, c client, a assertion, flow string) error {
	panic("not yet")
}

// identity is an account elsewhere that logs in to an account here.
type identity struct {
	row kit.Token
}
