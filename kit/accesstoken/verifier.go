package accesstoken

import (
	"bytes"
	"errors"
	"time"

	"myauth.internal/kit/ijson"
)

// ClockSkew is how far in the future a token's iat may lie: by so much the clock of
// the server that made it may be ahead. It is the only leeway; exp has none.
const ClockSkew = 60 * time.Second

// maxClaimDepth bounds the nesting of claims that Verify ignores.
const maxClaimDepth = 16

// Verifier checks access tokens. It is safe for concurrent use, keeps nothing of a
// token, and makes no network call.
type Verifier struct {
	keys             *Keyring
	issuer, audience []byte // as JSON
	client           string // the audience again: the usual client ID
	now              func() time.Time
}

// VerifierOptions are the options of [NewVerifier]; nil means the defaults.
type VerifierOptions struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// NewVerifier returns a Verifier that accepts the tokens of the keys that are in
// keys at the time, with iss equal to issuer and aud equal to audience, neither of
// which may be empty.
func NewVerifier(keys *Keyring, issuer, audience string, opts *VerifierOptions) (*Verifier, error) {
	if err := check(keys, issuer, audience); err != nil {
		return nil, err
	}
	v := &Verifier{keys, ijson.AppendString(nil, issuer), ijson.AppendString(nil, audience), audience, time.Now}
	if opts != nil && opts.Now != nil {
		v.now = opts.Now
	}
	return v, nil
}

// Verify returns the claims of a valid access token. Otherwise the error wraps
// [ErrExpired], when only the time is over, or [ErrInvalid]. Verify does not know
// whether the user or the session still exists: only a lookup tells, within the
// lifetime of a token.
//
// These claims must be there, each once and of its type: iss, aud (one string),
// sub, jti, client_id and sid (strings that are not empty), exp and iat (whole seconds,
// written as integers, up to the year 9999), roles (an array of strings) and epoch (an
// integer). auth_time (whole seconds, not after iat) and amr (an array of strings) may be
// absent. Other registered claims are ignored, so that a newer issuer can add some, and all
// the rest are Extra. The token is expired from exp on, to the instant; iat must be before
// exp, and at most [ClockSkew] ahead.
func (v *Verifier) Verify(token string) (Claims, error) {
	payload, err := v.keys.verify(accessType, token)
	if err != nil {
		return Claims{}, err
	}
	c, err := v.read(payload)
	switch now := v.now(); {
	case errors.Is(err, ErrInvalid):
		return Claims{}, err
	case err != nil:
		return Claims{}, errClaims
	case !validTimes(c.IssuedAt.Unix(), c.ExpiresAt.Unix()), c.IssuedAt.After(now.Add(ClockSkew)), c.AuthTime.After(c.IssuedAt):
		return Claims{}, errTimes
	case !now.Before(c.ExpiresAt):
		return Claims{}, ErrExpired
	}
	return c, nil
}

// read reads the claims of a token.
func (v *Verifier) read(payload []byte) (c Claims, err error) {
	found := 0 // of those that must be there; no member is there twice
	err = ijson.Object(payload, maxClaimDepth, func(name, value []byte) (err error) {
		found++
		switch string(name) {
		case "iss":
			err = same(value, v.issuer)
		case "aud":
			err = same(value, v.audience)
		case "sub":
			c.Subject, err = text(value)
		case "exp":
			c.ExpiresAt, err = seconds(value)
		case "iat":
			c.IssuedAt, err = seconds(value)
		case "jti":
			c.TokenID, err = text(value)
		case "client_id":
			if bytes.Equal(value, v.audience) {
				c.ClientID = v.client
			} else {
				c.ClientID, err = text(value)
			}
		case "sid":
			c.SessionID, err = text(value)
		case "roles":
			c.Roles, err = ijson.Strings(value)
		case "epoch":
			c.Epoch, err = ijson.Int64(value)
		case "auth_time":
			found--
			c.AuthTime, err = authTime(value)
		case "amr":
			found--
			c.AMR, err = methods(value)
		default:
			found--
			if !IsRegisteredClaim(string(name)) {
				c.addExtra(name, value, len(payload))
			}
		}
		return err
	})
	if c.Extra != nil {
		c.Extra = append(c.Extra, '}')
	}
	if err == nil && found != 10 {
		err = errClaims
	}
	return c, err
}

// text reads a string that is not empty.
func text(value []byte) (string, error) {
	s, err := ijson.String(value)
	if err == nil && s == "" {
		err = errClaims
	}
	return s, err
}

func seconds(value []byte) (time.Time, error) {
	n, err := ijson.Int64(value)
	return time.Unix(n, 0).UTC(), err
}

// authTime reads a time that is not zero.
func authTime(value []byte) (time.Time, error) {
	t, err := seconds(value)
	if err == nil && t.Unix() <= 0 {
		err = errTimes
	}
	return t, err
}

// methods reads amr. The usual values of RFC 8176 are there already.
func methods(value []byte) ([]string, error) {
	list := make([]string, 0, 2)
	err := ijson.Array(value, func(element []byte) (err error) {
		var method string
		switch string(element) {
		case `"pwd"`:
			method = "pwd"
		case `"otp"`:
			method = "otp"
		case `"hwk"`:
			method = "hwk"
		case `"swk"`:
			method = "swk"
		case `"user"`:
			method = "user"
		case `"mfa"`:
			method = "mfa"
		default:
			method, err = ijson.String(element)
		}
		list = append(list, method)
		return err
	})
	return list, err
}

// addExtra adds a member to Extra, which will have at most size bytes.
func (c *Claims) addExtra(name, value []byte, size int) {
	if c.Extra == nil {
		c.Extra = append(make([]byte, 0, size), '{')
	} else {
		c.Extra = append(c.Extra, ',')
	}
	c.Extra = append(appendName(c.Extra, name), value...)
}

// same returns an error unless value is the string want, which is as AppendString
// writes it. Another spelling of it is the same string.
func same(value, want []byte) error {
	if bytes.Equal(value, want) {
		return nil
	}
	s, err := ijson.String(value)
	if err == nil && !bytes.Equal(ijson.AppendString(nil, s), want) {
		err = errIssuer
	}
	return err
}
