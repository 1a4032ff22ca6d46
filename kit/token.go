package kit

import (
	"fmt"
	"time"
)

// TokenType says what a stored token is for.
type TokenType string

// The types of stored tokens.
const (
	// RefreshToken is a session: one row from login to its end, however often
	// its token is rotated.
	RefreshToken TokenType = "refresh"
	// PasswordResetToken is one pending password reset.
	PasswordResetToken TokenType = "password_reset"
	// EmailChangeToken is one pending change of address. Its Data is the new address.
	EmailChangeToken TokenType = "email_change"
)

// MaxTokenData bounds Token.Data, in bytes.
const MaxTokenData = 8 << 10

// Token is one record of a [TokenStore]: an opaque token, a credential, or a nonce that was
// used. It holds only hashes and sealed secrets, so nobody can log in with it, or with a dump
// of the store. (With the ID alone one can forge what looks like an old token, and so end that
// one session.)
type Token struct {
	// ID is the record's key, 22 of the characters A to Z, a to z, 0 to 9, - and _. That of
	// an opaque token begins with the millisecond in which it was made, so that IDs sort by
	// age, byte by byte, and ends with 80 random bits. Only the token's holder knows it; do
	// not log it. That of a credential or a nonce is a hash of its type and key, so that there
	// is one of each.
	ID string
	// Type says what the record is for. The set is open: those of a feature begin with its
	// name.
	Type TokenType
	// UserID is the [User] that the record belongs to. The user may live in another database,
	// so a store must not enforce the reference. Empty for a record without a user.
	UserID string
	// SessionID names the session in access tokens, events and lists. It is not secret.
	// Empty for all but sessions.
	SessionID string
	// Epoch is the user's SessionEpoch when a token was made, and the CredentialEpoch when a
	// credential was.
	Epoch int64
	// SecretHash is the SHA-256 of the current token's secret, or of the type and key of a
	// credential, 32 bytes.
	SecretHash []byte
	// PreviousHash is the SecretHash of a session before its last rotation. In other records
	// that were changed it is the Salt before the last change.
	PreviousHash []byte
	// Salt derives the current secret of a session from the previous one. In other records it
	// is random and new with each change, so that a call knows its own write.
	Salt []byte
	// Data is what else the record says, at most [MaxTokenData] bytes; its form depends on
	// Type. Secrets in it are sealed. A store keeps it as it is.
	Data []byte
	// CreatedAt is when the record was made: when the session began, for example.
	CreatedAt time.Time
	// RotatedAt is the time of the last rotation of a session, or the last use of a second
	// factor; the zero Time before it.
	RotatedAt time.Time
	// ExpiresAt is the first instant at which the token is no longer valid.
	ExpiresAt time.Time
	// RevokedAt is when the token was revoked; the zero Time before that. The row stays until
	// it expires, so that the holder can be told.
	RevokedAt time.Time
	// Version is the compare-and-swap counter of the record: see [TokenStore].
	Version int64
}

// Clone returns a copy that shares no memory with t. Its slices of bytes are one allocation.
func (t Token) Clone() Token {
	all := make([]byte, 0, len(t.SecretHash)+len(t.PreviousHash)+len(t.Salt)+len(t.Data))
	for _, field := range []*[]byte{&t.SecretHash, &t.PreviousHash, &t.Salt, &t.Data} {
		if *field != nil {
			begin := len(all)
			all = append(all, *field...)
			*field = all[begin:len(all):len(all)]
		}
	}
	return t
}

// Format writes the token without its ID, hashes, salt and data, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{%s token of user %s, session %q, epoch %d, version %d, expires %s}",
		string(t.Type), t.UserID, t.SessionID, t.Epoch, t.Version, t.ExpiresAt.UTC().Format(time.RFC3339))
}

// MarshalText returns what Format writes, for structured logs and JSON. A store must write
// the fields one by one.
func (t Token) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(t)), nil }
