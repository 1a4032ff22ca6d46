package accesstoken

import (
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit/ijson"
)

// ClockSkew is how far in the future a token's iat may lie: by so much the clock of
// the server that made it may be ahead. It is the only leeway; exp has none.
const ClockSkew = 60 * time.Second

// maxClaimDepth bounds the nesting of claims that are not ours.
const maxClaimDepth = 16

// Verifier checks access tokens. It is safe for concurrent use, keeps nothing of a
// token, and makes no network call.
type Verifier struct {
	keys             *Keyring
	issuer, audience string
	rawIssuer        string // as JSON
	rawAudience      string
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
	if keys == nil || keys.from == nil {
		return nil, errors.New("accesstoken: NewVerifier needs a keyring: see HMAC and NewKeyring")
	}
	if err := checkNames(issuer, audience); err != nil {
		return nil, err
	}
	v := &Verifier{
		keys: keys, issuer: issuer, audience: audience, now: time.Now,
		rawIssuer:   string(ijson.AppendString(nil, issuer)),
		rawAudience: string(ijson.AppendString(nil, audience)),
	}
	if opts != nil && opts.Now != nil {
		v.now = opts.Now
	}
	return v, nil
}

// Verify returns the claims of a valid access token. Otherwise the error wraps
// [ErrExpired], when only the time is over, or [ErrInvalid]. It does not know whether
// the user or the session still exists: within the lifetime of a token that is for
// whoever can look it up to say.
//
// These claims must be there, each once and of its type: iss, aud (one string),
// sub, jti, client_id and sid (strings that are not empty), exp and iat (whole seconds, written as integers, up to
// the year 9999), roles (an array of strings) and epoch (an integer). Others are
// ignored, so that a newer issuer can add some. The token is expired from exp on,
// to the instant; iat must be before exp, and at most [ClockSkew] ahead.
func (v *Verifier) Verify(token string) (Claims, error) {
	payload, err := v.keys.Verify(accessType, token)
	if err != nil {
		return Claims{}, err
	}
	r := claimReader{v: v}
	if err := ijson.Object(payload, maxClaimDepth, r.member); err != nil {
		if errors.Is(err, errIssuer) {
			return Claims{}, err
		}
		return Claims{}, errClaims
	}
	if r.seen != allClaims {
		return Claims{}, errClaims
	}
	now := v.now()
	switch c := &r.claims; {
	case !validTimes(r.iat, r.exp), c.IssuedAt.After(now.Add(ClockSkew)):
		return Claims{}, errTimes
	case !now.Before(c.ExpiresAt):
		return Claims{}, ErrExpired
	}
	return r.claims, nil
}

// Format names the keys, whatever the verb.
func (v Verifier) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "verifier with %v", v.keys) }

// claimReader collects the claims of one token.
type claimReader struct {
	v        *Verifier
	claims   Claims
	iat, exp int64
	seen     int // a bit for each claim
}

// A bit for each claim that must be there.
const (
	seenIssuer = 1 << iota
	seenAudience
	seenSubject
	seenExpiry
	seenIssuedAt
	seenTokenID
	seenClient
	seenSession
	seenRoles
	seenEpoch
	allClaims = 1<<iota - 1
)

func (r *claimReader) member(key, value []byte) (err error) {
	switch string(key) {
	case "iss":
		r.seen |= seenIssuer
		return same(value, r.v.rawIssuer, r.v.issuer)
	case "aud":
		r.seen |= seenAudience
		return same(value, r.v.rawAudience, r.v.audience)
	case "sub":
		r.seen |= seenSubject
		r.claims.Subject, err = text(value)
	case "exp":
		r.seen |= seenExpiry
		r.exp, err = ijson.Int64(value)
		r.claims.ExpiresAt = time.Unix(r.exp, 0).UTC()
	case "iat":
		r.seen |= seenIssuedAt
		r.iat, err = ijson.Int64(value)
		r.claims.IssuedAt = time.Unix(r.iat, 0).UTC()
	case "jti":
		r.seen |= seenTokenID
		r.claims.TokenID, err = text(value)
	case "client_id":
		r.seen |= seenClient
		r.claims.ClientID, err = text(value)
	case "sid":
		r.seen |= seenSession
		r.claims.SessionID, err = text(value)
	case "roles":
		r.seen |= seenRoles
		r.claims.Roles, err = ijson.Strings(value)
	case "epoch":
		r.seen |= seenEpoch
		r.claims.Epoch, err = ijson.Int64(value)
	}
	return err
}

// text reads a string that is not empty.
func text(value []byte) (string, error) {
	s, err := ijson.String(value)
	if err == nil && s == "" {
		err = errClaims
	}
	return s, err
}

// same says whether value is the string want, which is raw when Sign has written it.
func same(value []byte, raw, want string) error {
	if string(value) == raw {
		return nil
	}
	s, err := ijson.String(value)
	if err == nil && s != want {
		err = errIssuer
	}
	return err
}
