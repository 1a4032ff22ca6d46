package accesstoken

import (
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"myauth.internal/kit/ijson"
)

// accessType is the typ of access tokens: RFC 9068, section 2.1.
const accessType = "at+jwt"

// Claims are the claims of an access token, besides iss and aud, which the [Signer] and
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
	// Epoch is the user's session epoch when the token was made: epoch. Once the user
	// has another one the token is no longer valid; code that has the user compares.
	Epoch int64
	// IssuedAt is iat and ExpiresAt is exp. The token has whole seconds:
	// fractions are cut off. It has expired at ExpiresAt, to the second.
	IssuedAt, ExpiresAt time.Time
}

// lastSecond is 9999-12-31T23:59:59Z, the last that RFC 3339 can write.
const lastSecond = 253402300799

// validTimes reports whether iat and exp, in seconds since 1970, can be right.
func validTimes(iat, exp int64) bool { return 0 < iat && iat < exp && exp <= lastSecond }

// append appends the JSON of the claims to b, which begins the object.
func (c *Claims) append(b []byte) []byte {
	b = ijson.AppendString(append(b, `,"sub":`...), c.Subject)
	b = strconv.AppendInt(append(b, `,"exp":`...), c.ExpiresAt.Unix(), 10)
	b = strconv.AppendInt(append(b, `,"iat":`...), c.IssuedAt.Unix(), 10)
	b = ijson.AppendString(append(b, `,"jti":`...), c.TokenID)
	b = ijson.AppendString(append(b, `,"client_id":`...), c.ClientID)
	b = ijson.AppendString(append(b, `,"sid":`...), c.SessionID)
	b = append(b, `,"roles":[`...)
	for i, role := range c.Roles {
		if i > 0 {
			b = append(b, ',')
		}
		b = ijson.AppendString(b, role)
	}
	b = strconv.AppendInt(append(b, `],"epoch":`...), c.Epoch, 10)
	return append(b, '}')
}

// check returns an error unless the claims can be signed, and then verified.
func (c *Claims) check() error {
	valid := isText(c.Subject) && isText(c.SessionID) && isText(c.TokenID) && isText(c.ClientID)
	for _, role := range c.Roles {
		valid = valid && utf8.ValidString(role)
	}
	if !valid {
		return errors.New("accesstoken: Subject, SessionID, TokenID and ClientID must not be empty, and all claims UTF-8")
	}
	if !validTimes(c.IssuedAt.Unix(), c.ExpiresAt.Unix()) {
		return errors.New("accesstoken: ExpiresAt must be after IssuedAt, both from 1970 to 9999")
	}
	return nil
}
