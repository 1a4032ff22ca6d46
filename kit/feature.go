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
	// OpenAPI describes exactly Routes: a JSON object with the members paths and components
	// of an OpenAPI 3.1 document. Paths begin below the prefix, as those of Routes do.
	// References may be to components of this fragment and of MyAuth's own document.
	OpenAPI []byte
	// Mails are the kinds of mail that the feature sends.
	Mails []MailRule
	// Factor is a second factor with the feature's name, which the routes under /mfa and
	// /login/mfa then serve.
	Factor Factor
	// Gate is asked before each session, whatever the user logged in with, after the second
	// factor. An error refuses, and becomes the answer. A gate that needs something of the user
	// first keeps the login by [Core.Suspend].
	Gate func(ctx context.Context, u User, l Login) error
	// Observe hears each event, its own too, within the call that caused it.
	Observe func(context.Context, Event)
}

// MailRule says how mails of one kind are sent, and what they say unless the [Mailer] has a
// text of its own for them.
type MailRule struct {
	Kind MailKind
	// TTL is how long the mail is of use; default a day.
	TTL time.Duration
	// Notice marks a notice of security, which only the owner, or somebody with the owner's
	// secrets, can cause. It is always sent. Of other mails a mailbox gets few: see
	// Options.InsecureUnlimitedMails.
	Notice bool
	// Subject and Text are sources of text/template for the [Mail]: see Mail.Text.
	Subject, Text string
}

// Factor is a second factor. Its methods are called with the user as read within the call.
// What an enrolment or a login needs between two requests travels sealed in the client's hands,
// so Enroll and Challenge write nothing that they could not leave.
type Factor interface {
	// Enroll begins the enrolment of u, with the body of the request, which may be empty.
	// Prompt.State reaches Confirm.
	Enroll(ctx context.Context, u User, request Body) (Prompt, error)

	// Confirm checks what the user answers, and stores the factor's records. Each State is
	// confirmed once. User.Factors is set afterwards, by one more write. If that fails, the
	// records stay and mean nothing: the next Confirm replaces them (see [Core.Put]).
	Confirm(ctx context.Context, u User, state []byte, answer Body) error

	// Challenge begins the second step of a login of u: it sends a message, or makes what a
	// key must sign. Prompt.State reaches Verify. A factor that needs nothing first returns
	// the zero Prompt.
	Challenge(ctx context.Context, u User) (Prompt, error)

	// Verify checks the answer of a login; a wrong one is [ErrInvalidCode]. state is nil
	// unless the client sent one that Challenge made for this login. The answer must not be
	// used up yet: that is what Proof.Spend is for. A state with a Prompt is spent by the
	// caller.
	Verify(ctx context.Context, u User, state []byte, answer Body) (Proof, error)

	// Remove deletes the factor's records, after the name has gone from User.Factors.
	// Repeating it is no error.
	Remove(ctx context.Context, u User) error

	// Status describes the enrolled factor.
	Status(ctx context.Context, u User) (FactorStatus, error)
}

// Prompt is what the client needs for its next request to a [Factor].
type Prompt struct {
	// Show is shown to the client: members of the answer's JSON object. The member "state" is
	// added, if there is a State.
	Show map[string]any
	// State is what the factor must know at the next request, at most 4 KiB. It is sealed, and
	// bound to the user, the factor, and the enrolling session or the login.
	State []byte
}

// Proof is a right answer to a [Factor].
type Proof struct {
	// AMR is what was used (RFC 8176), such as "otp" or "sms".
	AMR []string
	// Spend makes the answer unusable, once: of any number of concurrent calls for one answer
	// one returns nil, and the others [ErrInvalidCode]. It is called when nothing else can
	// refuse the login any more. nil: there is nothing to spend beside the State.
	Spend func(ctx context.Context) error
}

// FactorStatus describes an enrolled factor. LastUsedAt is zero before the first login.
type FactorStatus struct {
	CreatedAt, LastUsedAt time.Time
}
