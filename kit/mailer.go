package kit

import (
	"context"
	"time"
)

// Mailer sends the mails of the Service: one method for each kind. It is called
// from the mail queue's workers, never within a request; an error is retried
// with growing pauses until ValidUntil, unless it is [Permanent].
//
// Implementations honour ctx, send to m.To and to nothing else, and log neither
// Link nor Token.
type Mailer interface {
	// SendVerification mails the link that proves the ownership of an address.
	SendVerification(ctx context.Context, m Mail) error
	// SendPasswordReset mails the link that sets a new password.
	SendPasswordReset(ctx context.Context, m Mail) error
	// SendPasswordChanged tells the owner that the password was changed. It
	// carries no link and no token.
	SendPasswordChanged(ctx context.Context, m Mail) error
	// SendAccountExists tells the owner that somebody tried to register the
	// address again; sent only with Options.ConcealAccounts, where the answer of
	// the API does not say so. It carries no link and no token.
	SendAccountExists(ctx context.Context, m Mail) error
}

// Mail is what a mail is made of.
type Mail struct {
	// To is the address as the store has it.
	To string
	// Username is the account's display name: any Unicode, chosen by whoever
	// registered. Treat it as hostile in headers and HTML.
	Username string
	// Link is Options.PublicURL + "/verify-email?token=…" or
	// "/reset-password?token=…"; empty for mails without one.
	Link Secret
	// Token is the token in Link, for those who build other links.
	Token Secret
	// ValidUntil is when Link stops working; for mails without one, until when
	// sending is retried.
	ValidUntil time.Time
	// Now is the Service's clock at this attempt to send.
	Now time.Time
}

// Permanent marks err as one that a retry cannot mend, such as a refused
// recipient: the mail queue gives up at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }
