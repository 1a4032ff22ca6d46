package password

import "context"

// Policy says which passwords are accepted. [Rules] is the one of this package. Package
// breached adds lists of passwords that were stolen elsewhere, and an application can have
// rules of its own.
//
// Check returns every rule that the password breaks, and none when it is accepted. words are
// what an attacker who knows the user tries first: the email address, the user name, the name
// of the service. An error means that Check could not tell; the password is then not accepted,
// and whoever asked gets the error as it is.
//
// A policy that asks another server leaves that out of the check of a draft: see [WithDraft].
//
// Check must be safe for concurrent use, return when ctx is done, and keep the password out of
// logs, errors and violations.
type Policy interface {
	Check(ctx context.Context, password string, words ...string) ([]Violation, error)
}

// PolicyFunc is a [Policy] that is one function.
type PolicyFunc func(ctx context.Context, password string, words ...string) ([]Violation, error)

// Check calls f.
func (f PolicyFunc) Check(ctx context.Context, password string, words ...string) ([]Violation, error) {
	return f(ctx, password, words...)
}

// Violation is one rule that a password breaks.
type Violation struct {
	// Code is for programs. Those of [Rules] are too_short, too_long, missing_uppercase,
	// missing_lowercase, missing_digit, missing_special, common_password and
	// invalid_characters; another policy may add some.
	Code string
	// Message is for people, and says what to do. It holds nothing of the password.
	Message string
}

// Check asks the policy p, where nil means [Strict], after what holds for every policy: a
// password is not empty, has at most 128 characters (code points), no control characters and
// no invalid UTF-8, and is more than words (see [Rules.Check]). A password that breaks one of
// these is refused without asking p, unless p is [Rules], which reports all at once.
func Check(ctx context.Context, p Policy, password string, words ...string) ([]Violation, error) {
	switch p := p.(type) {
	case nil:
		return Strict.Check(ctx, password, words...)
	case Rules:
		return p.Check(ctx, password, words...)
	}
	if broken := always(password, words); len(broken) > 0 {
		return broken, nil
	}
	return p.Check(ctx, password, words...)
}

type draftKey struct{}

// WithDraft says that the checks under ctx are for a form that cannot be accepted as it is,
// so no password is stored after them. They report what a policy can tell by itself. No other
// server is asked: nothing has been charged to the client for such a form, and it would
// otherwise cost a stranger nothing to have that server asked.
func WithDraft(ctx context.Context) context.Context { return context.WithValue(ctx, draftKey{}, true) }

// IsDraft reports whether ctx is of [WithDraft].
func IsDraft(ctx context.Context) bool { return ctx.Value(draftKey{}) != nil }
