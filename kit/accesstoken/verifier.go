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
	v := &Verifier{keys, ijson.AppendString(nil, issuer), ijson.AppendString(nil, audience), time.Now}
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
// integer). Others are ignored, so that a newer issuer can add some. The token is
// expired from exp on, to the instant; iat must be before exp, and at most [ClockSkew]
// ahead.
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
	case !validTimes(c.IssuedAt.Unix(), c.ExpiresAt.Unix()), c.IssuedAt.After(now.Add(ClockSkew)):
		return Claims{}, errTimes
	case !now.Before(c.ExpiresAt):
		return Claims{}, ErrExpired
	}
	return c, nil
}

// read reads the claims of a token.
func (v *Verifier) read(payload []byte) (c Claims, err error) {
	found := 0 // no member is there twice
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
			c.ClientID, err = text(value)
		case "sid":
			c.SessionID, err = text(value)
		case "roles":
			c.Roles, err = ijson.Strings(value)
		case "epoch":
			c.Epoch, err = ijson.Int64(value)
		default:
			found--
		}
		return err
	})
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
