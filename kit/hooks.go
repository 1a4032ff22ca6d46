package kit

import "context"

// Hooks are functions that the Service calls within a request, with its context. A Before
// hook refuses by returning an error: a [ValidationError] or another error of this package
// becomes the answer; any other is an internal error. An After hook cannot refuse. A hook
// that panics fails only its own request.
type Hooks struct {
	// BeforeRegister is called with a valid registration, without its password, before
	// anything is hashed or stored.
	BeforeRegister func(context.Context, Registration) error
	// AfterRegister is called with the new account. It runs only when the address was free,
	// and the client waits for it. So with Options.ConcealAccounts it must return at once, or
	// the time of the answer tells who has an account.
	AfterRegister func(context.Context, User)
	// BeforeLogin is called before a session starts or is re-authenticated, whatever its user
	// logged in with: after the last factor, for an account that may log in.
	BeforeLogin func(context.Context, User) error
	// MayGrant says whether an administrator may give a user a role, or take it away, by the routes
	// of package admin and by invitations. nil: every administrator may with every role.
	MayGrant func(ctx context.Context, actor User, role string) bool
	// AfterLogin is called after a session started.
	AfterLogin func(context.Context, User)
}
