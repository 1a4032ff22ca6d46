package kit

import (
	"context"
	"time"
)

// Feature adds something to a [Service]: a second factor, a way to log in, routes, mails. It is
// a plain value in Options.Features, so a program has the features that it lists and no others.
type Feature interface {
	// Name is how the feature is called in routes, in the types of its records and in errors:
	// a to z, 0 to 9 and _, at most 20 characters, and no other feature's.
	Name() string

	// Attach is called once by [New]. It keeps core for what the feature does later, and
	// returns what the feature brings. It does no I/O. A feature that keeps core serves one
	// Service: a second Attach must return an error.
	Attach(core *Core) (Extension, error)
}

// Extension is what a [Feature] brings. Every field is optional.
type Extension struct {
	// Routes are served beside MyAuth's own.
	Routes []Route
	// OpenAPI describes exactly Routes: a JSON object with the members tags, paths and
	// components of an OpenAPI 3.1 document. Paths begin below the prefix, as those of Routes
	// do. Operations have the members of OpenAPI only, no others that begin with x-. References
	// may be to components of this fragment and of MyAuth's own document. What the server
	// answers for each route of that Access and Body, such as 405 and 413, is added to the
	// responses, and the security of a route that is not Public.
	//
	// The member x-refusals says what the feature makes routes of others answer: responses by
	// status, in "gates" those of a Gate, in "factors" those of a second factor that is due, in
	// "answers" those to the answer of one.
	// They are added to each operation of others whose member x-refused-by, a list, names the
	// same. So a route that ends in [Core.Grant] has "x-refused-by": ["factors", "gates"], or
	// only "gates" if the login had its second factor before.
	OpenAPI []byte
	// Mails are the kinds of mail that the feature sends.
	Mails []MailRule
	// Pages are for people, such as those that links in Mails lead to.
	Pages []Page
	// Factor is a second factor with the feature's name, which the routes under /mfa,
	// /login/mfa and /reauthenticate then serve. It needs Options.DataKeys.
	Factor Factor
	// Alternate answers a second factor that is due, under the feature's name, in place of the
	// account's own: see [Alternate].
	Alternate Alternate
	// WaysIn returns the feature's credentials of the user that log in to the account alone: see
	// [Core.RemoveWayIn].
	WaysIn func(ctx context.Context, u User) ([]Token, error)
	// Gate is asked before each session and each re-authentication, whatever the user logged in
	// with, after the second factor. An error refuses, and becomes the answer. A gate that needs something of the user
	// first keeps the login by [Core.Suspend].
	Gate func(ctx context.Context, u User, l Login) error
	// Observe hears each event, its own too, within the call that caused it.
	Observe func(context.Context, Event)
	// Trace is called when an operation begins, and end once when it is over, with its outcome: one
	// of a few words, as the kinds of operations say. The work of the operation, and the operations
	// within it, run in the context that Trace returns, so that spans nest; a nil one is the same
	// context, and a nil end is not called. Both are called within the work, at once by any number
	// of goroutines, so they must be quick; a panic of theirs is logged. The tracers of features nest
	// in the order of Options.Features.
	Trace func(ctx context.Context, op Operation) (inner context.Context, end func(outcome string))
}

// MailRule says how mails of one kind are sent, and what they say unless the [Mailer] has a
// text of its own for them.
type MailRule struct {
	Kind MailKind
	// TTL is how long the mail is of use; default a day.
	TTL time.Duration
	// Notice marks a notice of security, which only the owner, or somebody with the owner's
	// secrets, can cause. It is always sent to a verified address. Of other mails a mailbox gets
	// few: see package throttle.
	Notice bool
	// Subject and Text are sources of text/template for the [Mail], both or neither: see
	// Mail.Text.
	Subject, Text string
}
