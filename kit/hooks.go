package kit

import "context"

// Hooks are called by the Service, in the request, with its context. A Before hook
// may refuse by returning an error: a [ValidationError] or one of the package's
// errors becomes that answer, any other is an internal error. After hooks are only
// told. A hook that panics fails its request alone.
type Hooks struct {
	// BeforeRegister sees a registration that is valid, without its password,
	// before anything is hashed or stored.
	BeforeRegister func(context.Context, Registration) error
	// AfterRegister sees the new account. It runs for a free address only, and the client
	// waits for it: with Options.ConcealAccounts it must take no time that could be noticed.
	AfterRegister func(context.Context, User)
	// BeforeLogin is called after the right password of an account that may
	// log in, before its session starts.
	BeforeLogin func(context.Context, User) error
	// AfterLogin is called after a session started.
	AfterLogin func(context.Context, User)
}
