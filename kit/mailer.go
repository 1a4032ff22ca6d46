package kit

import (
	"context"
	"time"

	"myauth.internal/kit/internal/mailqueue"
)

// Mailer sends the mails of the Service. The mail queue calls Send, never within a request.
// After an error it calls Send again, with growing pauses until ValidUntil, unless the error
// is [Permanent].
//
// Send must return when ctx is done, send to m.To and to no other address, and log neither a
// link nor a token. For a kind that it has no text for, Send uses m.Subject and m.Text. Without
// those it must return a [Permanent] error that names the kind, rather than send a mail that
// says something else.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// MailKind says what a mail is about. The set is open: features add kinds.
type MailKind string

// The kinds of mail that the Service sends.
const (
	// MailVerification has a link that proves the ownership of an address, and one for an
	// owner who did not make the account.
	MailVerification MailKind = "verification"
	// MailPasswordReset has the link that sets a new password.
	MailPasswordReset MailKind = "password_reset"
	// MailPasswordChanged tells the owner that the password was changed. It has no
	// link and no token.
	MailPasswordChanged MailKind = "password_changed"
	// MailEmailChange goes to the address that a user wants to have, with the link that
	// switches to it. The recipient may be a stranger.
	MailEmailChange MailKind = "email_change"
	// MailEmailChangeRequested tells the owner, at the address that the account has, that
	// a change of address was asked for. It has no link and no token, and does not name the new
	// address.
	MailEmailChangeRequested MailKind = "email_change_requested"
	// MailEmailChanged tells the owner, at the address that the account had until then,
	// that it has another one now. It has no link and no token, and does not name the
	// new address.
	MailEmailChanged MailKind = "email_changed"
	// MailNewDevice tells the owner of a verified address of a login from where there was none
	// before: Data["device"] is how a person calls it, Data["ip"] its address or empty.
	MailNewDevice MailKind = "new_device"
	// MailPasswordGuessing tells the owner that strangers try one wrong password after
	// another. It has no link and no token.
	MailPasswordGuessing MailKind = "password_guessing"
	// MailFactorEnrolled and MailFactorRemoved tell the owner that a second factor was set up
	// or removed: Data["factor"] is its name. They have no link and no token.
	MailFactorEnrolled MailKind = "factor_enrolled"
	MailFactorRemoved  MailKind = "factor_removed"
	// MailFactorsReset tells the owner that an administrator removed all second factors,
	// MailRecoveryCodesMade that there are new recovery codes, and MailRecoveryCodeUsed that one
	// took the place of the second factor. They have no link and no token.
	MailFactorsReset      MailKind = "factors_reset"
	MailRecoveryCodesMade MailKind = "recovery_codes_made"
	MailRecoveryCodeUsed  MailKind = "recovery_code_used"
	// MailAccountExists tells the owner that somebody tried to register the address again.
	// It is sent only with Options.ConcealAccounts, because then the API does not say so. It
	// has no link and no token.
	MailAccountExists MailKind = "account_exists"
)

// Mail is the content of one mail. The [Mailer] writes the text.
type Mail struct {
	// Kind is what the mail is about.
	Kind MailKind
	// To is the address as the store has it, or the one that the mail is to prove.
	To string
	// UserID is the ID of the account.
	UserID string
	// Username is the account's display name: any Unicode, chosen by the user. Treat it as
	// hostile in headers and HTML. It is empty while the address that the mail goes to is not
	// verified, because a stranger may have chosen it.
	Username string
	// Link is Options.PublicURL + "/verify-email?token=…", "/reset-password?token=…" or
	// "/change-email?token=…"; empty for mails without one.
	Link Secret
	// DenyLink is Options.PublicURL + "/verify-email/deny?token=…" in verification
	// mails, for a recipient who did not make the account (see [Service.DenyEmail]); empty
	// for other mails.
	DenyLink Secret
	// Token is the token in the links, for a Mailer that builds other links.
	Token Secret
	// Locale is the language of the user, as a tag of BCP 47 such as de-AT; empty means the
	// Mailer's own: see Options.Locale. A client may have chosen it, so a tag that is malformed
	// or unknown means the same as none.
	Locale string
	// Data is what else the text needs, by name; no secret is in it. Values may come from
	// users: treat them as hostile in headers and HTML.
	Data map[string]string
	// Subject and Text are what a feature says, for a Mailer that has no text for
	// Kind: sources of text/template; empty: none. What they may use is {{.ProductName}},
	// {{.Name}} (Username, empty where it could mislead), {{.Link}}, {{.DenyLink}},
	// {{.Token}}, {{.ValidFor}} (in English words), {{.ValidUntil}} and {{.Data.key}}. They
	// are the feature's code and never come from a request.
	Subject, Text string
	// ValidUntil is when Link stops working and attempts to send end.
	ValidUntil time.Time
	// Now is the Service's clock at this attempt to send.
	Now time.Time
}

// MailContent is what a [Feature] puts into a mail.
type MailContent struct {
	// Page and Token make the link: Options.PublicURL, Page and "?token=" with Token. Page
	// begins with a slash; without it there is no link. Token has only characters that need
	// no escaping in a query.
	Page  string
	Token Secret
	// Data is for the text: see Mail.Data.
	Data map[string]string
	// To is an address that the mail is to prove, in place of the user's.
	To string
	// Spaced says that the feature has asked the limiter for this mail, by [Core.Attempt] with
	// throttle.ActionMail, because its user must hear at once that the mailbox has had enough.
	// Otherwise the queue asks, and leaves such a mail out.
	Spaced bool

	locale string
	fill   func(context.Context, User) (MailContent, error) // of Core.RequestMail
}

// Permanent marks err as one that no further attempt can mend, such as a refused recipient:
// the mail is given up at once. Permanent(nil) is nil.
func Permanent(err error) error { return mailqueue.Permanent(err) }
