package accesstoken

import (
	"strconv"
	"time"
	"unicode/utf8"

	"myauth.internal/kit/ijson"
)

// accessType is the typ of access tokens: RFC 9068, section 2.1.
const accessType = "at+jwt"

// Claims is what an access token says, besides iss and aud, which the [Signer] and
// the [Verifier] are made with.
type Claims struct {
	// Subject is the user's ID: sub.
	Subject string
	// SessionID names the session that the token belongs to: sid.
	SessionID string
	// TokenID names this token: jti.
	TokenID string
	// ClientID names the client that the token was issued to: client_id (RFC 9068,
	// section 2.2).
	ClientID string
	// Roles are the user's roles when the token was made: roles.
	Roles []string
	// Epoch is the user's session epoch when the token was made: epoch. Under
	// another one the token is no longer valid; whoever has the user at hand
	// compares.
	Epoch int64
	// IssuedAt is iat and ExpiresAt is exp. The token has whole seconds:
	// fractions are cut off. It has expired at ExpiresAt, to the second.
	IssuedAt, ExpiresAt time.Time
}

// lastSecond is 9999-12-31T23:59:59Z, the last that RFC 3339 can write.
const lastSecond = 253402300799

// validTimes says whether iat and exp, in seconds since 1970, can be right.
func validTimes(iat, exp int64) bool { return 0 < iat && iat < exp && exp <= lastSecond }

// append appends the JSON of the claims to b, which begins the object.
func (c *Claims) append(b []byte) []byte {
	b = append(b, `,"sub":`...)
	b = ijson.AppendString(b, c.Subject)
	b = append(b, `,"exp":`...)
	b = strconv.AppendInt(b, c.ExpiresAt.Unix(), 10)
	b = append(b, `,"iat":`...)
	b = strconv.AppendInt(b, c.IssuedAt.Unix(), 10)
	b = append(b, `,"jti":`...)
	b = ijson.AppendString(b, c.TokenID)
	b = append(b, `,"client_id":`...)
	b = ijson.AppendString(b, c.ClientID)
	b = append(b, `,"sid":`...)
	b = ijson.AppendString(b, c.SessionID)
	b = append(b, `,"roles":[`...)
	for i, role := range c.Roles {
		if i > 0 {
			b = append(b, ',')
		}
		b = ijson.AppendString(b, role)
	}
	b = append(b, `],"epoch":`...)
	b = strconv.AppendInt(b, c.Epoch, 10)
	return append(b, '}')
}

// size is about the length of the claims as JSON.
func (c *Claims) size() int {
	n := 144 + len(c.Subject) + len(c.TokenID) + len(c.ClientID) + len(c.SessionID)
	for _, role := range c.Roles {
		n += len(role) + 3
	}
	return n
}

// valid says whether the claims can be signed, and then verified.
func (c *Claims) valid() bool {
	for _, s := range [...]string{c.Subject, c.TokenID, c.ClientID, c.SessionID} {
		if s == "" || !utf8.ValidString(s) {
			return false
		}
	}
	for _, role := range c.Roles {
		if !utf8.ValidString(role) {
			return false
		}
	}
	return true
}
