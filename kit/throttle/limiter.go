package throttle

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Action names what a client attempts.
type Action string

// The actions that a [Limiter] decides on. The set is open: features add actions, which a [Throttle]
// counts by their source, and by account where the attempt names one.
const (
	ActionRegister             Action = "register"
	ActionLogin                Action = "login"
	ActionReauthenticate       Action = "reauthenticate"
	ActionRefresh              Action = "refresh"
	ActionPasswordResetRequest Action = "password_reset_request"
	ActionPasswordReset        Action = "password_reset"
	ActionChangePassword       Action = "change_password"
	ActionVerifyEmailRequest   Action = "verify_email_request"
	ActionVerifyEmail          Action = "verify_email"
	ActionDenyEmail            Action = "deny_email"
	ActionEmailChangeRequest   Action = "email_change_request"
	ActionEmailChange          Action = "email_change"
	ActionFactor               Action = "factor"           // the answer to a second factor
	ActionFactorChallenge      Action = "factor_challenge" // a message or a challenge of a second factor
	ActionMail                 Action = "mail"             // a mail that strangers can cause is about to be sent
)

// Attempt is one call that a [Limiter] decides on.
type Attempt struct {
	Action Action
	// Time is the time of the attempt. A limiter needs no clock.
	Time time.Time
	// EmailKey is the kit.EmailKey of the submitted address, whether or not an account has it,
	// or of the account. It is empty if no address was submitted, or an invalid one. For
	// ActionMail it is that of the mailbox.
	EmailKey string
	// UserID is the account, where it is known before the attempt.
	UserID string
	// Device is the ID of a device that the account's owner has logged in from, or of the
	// session of a user who is signed in. It was proved before the attempt. Empty: a stranger,
	// as far as anybody knows.
	Device string
	// IP is the address that the attempt comes from; the zero Addr when it is unknown.
	IP netip.Addr
	// Guess is a keyed hash of the secret that is tried and of EmailKey, and zero where there
	// is no secret. Equal guesses for one account have the same, so a limiter can count a typing
	// error that is repeated, or many right logins at once, as one. One password that is tried
	// on many accounts is as many guesses.
	Guess uint64
	// Recoverable says that an owner who is refused has another way in: a password reset by
	// mail.
	Recoverable bool
	// MailKind is the kind of mail, with ActionMail.
	MailKind string
}

// Limiter decides whether an attempt may proceed.
//
// Begin is called before the secret is compared, and counts the attempt: parallel guesses
// never share a slot. It returns a [LimitError] to refuse. The Service returns any other error
// to its caller as it is, so a limiter that cannot reach its own store decides whether to fail
// open. The Service calls Done of the Charge exactly once; a limiter that need not hear of it
// returns nil.
type Limiter interface {
	Begin(ctx context.Context, a Attempt) (Charge, error)
}

// Clearer is what a [Limiter] may implement too. Clear forgets what was counted for the Action
// and the EmailKey, UserID or MailKind of a, because the owner has proved otherwise who they
// are: by a reset, from a known device, with a passkey, or as the one who has just registered
// the address.
type Clearer interface {
	Clear(ctx context.Context, a Attempt)
}

// Charge is an attempt that a [Limiter] let through. Done tells it what became of it. ctx may
// be done.
//
// A Charge may also have a method Failures() int: how many wrong guesses in a row strangers have
// made at the account, if this is one more. By it the Service tells the owner that somebody
// guesses; a limiter around another passes the other's Charge on.
type Charge interface {
	Done(ctx context.Context, o Outcome)
}

// Outcome is what became of an [Attempt].
type Outcome int

// The outcomes.
const (
	// Refunded: no secret was compared, because of an outage or of invalid input.
	Refunded Outcome = iota
	// Failed: the secret was wrong, or the client left before it was told.
	Failed
	// Succeeded: the secret was right, or there was none.
	Succeeded
)

// ErrTooManyRequests is what a refusal of a limiter matches: see [LimitError].
var ErrTooManyRequests = errors.New("throttle: too many requests")

// LimitError is what a [Limiter] returns to refuse an attempt. It matches
// [ErrTooManyRequests].
type LimitError struct {
	// RetryAfter is how long to wait. In HTTP it is rounded up to seconds, at least one.
	RetryAfter time.Duration
}

// Error says how long to wait.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%v: retry in %v", ErrTooManyRequests, e.RetryAfter)
}

// Is reports whether target is [ErrTooManyRequests].
func (e *LimitError) Is(target error) bool { return target == ErrTooManyRequests }
