package kit

import (
	"context"
	"time"

	"myauth.internal/kit/internal/mailqueue"
)

// Mailer sends the mails of the Service. Send is called from the mail queue's
// workers, never within a request; an error is retried with growing pauses until
// ValidUntil, unless it is [Permanent].
//
// Send must honour ctx, send to m.To and to nothing else, and log neither a link nor
// a token. New kinds of mail come with new features: for a kind that it does not know,
// Send returns a [Permanent] error that names the kind, so that nobody gets a mail that
// says something else.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// MailKind says what a mail is about. The set is open: a feature adds kinds of its own.
type MailKind string

// The kinds of mail that the Service sends.
const (
	// MailVerification has the link that proves the ownership of an address, and one
	// for an owner who did not make the account.
	MailVerification MailKind = "verification"
	// MailPasswordReset has the link that sets a new password.
	MailPasswordReset MailKind = "password_reset"
	// MailPasswordChanged tells the owner that the password was changed. It has no
	// link and no token.
	MailPasswordChanged MailKind = "password_changed"
	// MailEmailChanged tells the owner, at the address that the account had until then,
	// that it has another one now. It has no link and no token, and does not name the
	// new address.
	MailEmailChanged MailKind = "email_changed"
	// MailAccountExists tells the owner that somebody tried to register the address
	// again. It is sent only with Options.ConcealAccounts, where the answer of the API
	// does not say so. It has no link and no token.
	MailAccountExists MailKind = "account_exists"
)

// Mail is what a mail is made of.
type Mail struct {
	// Kind is what the mail is about.
	Kind MailKind
	// To is the address as the store has it.
	To string
	// UserID is the ID of the account that the mail is about.
	UserID string
	// Username is the account's display name: any Unicode, chosen by the user. Treat
	// it as hostile in headers and HTML. It is empty while the address is not verified,
	// as a stranger may have registered it and chosen the name.
	Username string
	// Link is Options.PublicURL + "/verify-email?token=…" or
	// "/reset-password?token=…"; empty for mails without one.
	Link Secret
	// DenyLink is Options.PublicURL + "/verify-email/deny?token=…" in verification
	// mails, for a recipient who did not make the account: see [Service.DenyEmail].
	// Empty for other mails.
	DenyLink Secret
	// Token is the token in the links, for those who build others.
	Token Secret
	// ValidUntil is when Link stops working; for mails without one, until when
	// sending is retried.
	ValidUntil time.Time
	// Now is the Service's clock at this attempt to send.
	Now time.Time
}

// Permanent marks err as one that no further attempt can mend, such as a refused recipient:
// the mail is given up at once. Permanent(nil) is nil.
func Permanent(err error) error { return mailqueue.Permanent(err) }
