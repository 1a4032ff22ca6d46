package accesstoken

import (
	"errors"
	"fmt"
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
	// AuthTime is when the user last proved who they are: auth_time (OpenID Connect Core
	// 1.0, section 2), in whole seconds. A refresh does not change it. Zero means that
	// the token does not say, so nobody may take it for recent. The clocks of two servers
	// can make it later than IssuedAt; it is then written as IssuedAt.
	AuthTime time.Time
	// AMR names the methods by which they did: amr (RFC 8176), such as pwd, otp and hwk.
	// Without any there is no such claim.
	AMR []string
	// Extra are the application's own claims: a JSON object, nil for none. Its names are
	// not registered ones: see [IsRegisteredClaim]. It comes back with the same members
	// in the same order and with each value byte for byte, so that json.Unmarshal can
	// read it into a struct of the application. Everyone who holds a token can read it.
	Extra []byte
	// IssuedAt is iat and ExpiresAt is exp. The token has whole seconds:
	// fractions are cut off. It has expired at ExpiresAt, to the second.
	IssuedAt, ExpiresAt time.Time
}

// lastSecond is 9999-12-31T23:59:59Z, the last that RFC 3339 can write.
const lastSecond = 253402300799

// validTimes reports whether iat and exp, in seconds since 1970, can be right.
func validTimes(iat, exp int64) bool { return 0 < iat && iat < exp && exp <= lastSecond }

// append appends the JSON of the claims to b, which begins the object.
func (c *Claims) append(b []byte) ([]byte, error) {
	b = ijson.AppendString(append(b, `,"sub":`...), c.Subject)
	b = strconv.AppendInt(append(b, `,"exp":`...), c.ExpiresAt.Unix(), 10)
	b = strconv.AppendInt(append(b, `,"iat":`...), c.IssuedAt.Unix(), 10)
	b = ijson.AppendString(append(b, `,"jti":`...), c.TokenID)
	b = ijson.AppendString(append(b, `,"client_id":`...), c.ClientID)
	b = ijson.AppendString(append(b, `,"sid":`...), c.SessionID)
	b = appendStrings(append(b, `,"roles":`...), c.Roles)
	b = strconv.AppendInt(append(b, `,"epoch":`...), c.Epoch, 10)
	if !c.AuthTime.IsZero() {
		b = strconv.AppendInt(append(b, `,"auth_time":`...), min(c.AuthTime.Unix(), c.IssuedAt.Unix()), 10)
	}
	if len(c.AMR) > 0 {
		b = appendStrings(append(b, `,"amr":`...), c.AMR)
	}
	b, err := c.appendExtra(b)
	return append(b, '}'), err
}

// appendExtra appends the members of Extra.
func (c *Claims) appendExtra(b []byte) ([]byte, error) {
	if len(c.Extra) == 0 {
		return b, nil
	}
	var registered error
	err := ijson.Object(c.Extra, maxClaimDepth, func(name, value []byte) error {
		if IsRegisteredClaim(string(name)) {
			registered = fmt.Errorf("accesstoken: Extra must not have the claim %q, which is a registered one: choose another name", name)
			return registered
		}
		b = append(appendName(append(b, ','), name), value...)
		return nil
	})
	if err != nil && registered == nil {
		err = fmt.Errorf("accesstoken: Extra must be a JSON object, nested at most %d deep: %w", maxClaimDepth, err)
	}
	return b, err
}

// appendName appends the name of a member, with its colon.
func appendName(b, name []byte) []byte { return append(ijson.AppendString(b, string(name)), ':') }

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, text := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = ijson.AppendString(b, text)
	}
	return append(b, ']')
}

// check returns an error unless the claims can be signed, and then verified.
func (c *Claims) check() error {
	valid := isText(c.Subject) && isText(c.SessionID) && isText(c.TokenID) && isText(c.ClientID)
	for _, role := range c.Roles {
		valid = valid && utf8.ValidString(role)
	}
	for _, method := range c.AMR {
		valid = valid && isText(method)
	}
	if !valid {
		return errors.New("accesstoken: Subject, SessionID, TokenID, ClientID and each of AMR must not be empty, and all claims UTF-8")
	}
	if !c.AuthTime.IsZero() && c.AuthTime.Unix() <= 0 {
		return errors.New("accesstoken: AuthTime must be after 1970, or zero")
	}
	if !validTimes(c.IssuedAt.Unix(), c.ExpiresAt.Unix()) {
		return errors.New("accesstoken: ExpiresAt must be after IssuedAt, both from 1970 to 9999")
	}
	return nil
}
