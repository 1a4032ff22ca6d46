package accesstoken

import (
	"errors"
	"fmt"
)

// The errors of [Verifier.Verify] and [Keyring.Verify]. The text of an error names the
// rule that was broken and contains no part of the token.
var (
	// ErrInvalid: not a token of this issuer for this use.
	ErrInvalid = errors.New("accesstoken: the token is not valid")
	// ErrExpired: a valid token, past its time.
	ErrExpired = errors.New("accesstoken: the token has expired")
)

// The reasons, as values, so that refusing a token allocates nothing.
var (
	errLength    = invalid("it is too long")
	errForm      = invalid("it is not a JWS in the compact form, in canonical base64url")
	errHeader    = invalid("its header is not alg, typ and kid")
	errType      = invalid("its typ is another one")
	errKey       = invalid("its key is not in the keyring")
	errAlgorithm = invalid("its alg is not that of the key")
	errSignature = invalid("the signature is wrong")
	errClaims    = invalid("a claim is missing or of the wrong type")
	errIssuer    = invalid("iss or aud is another one")
	errTimes     = invalid("iat, exp or auth_time cannot be right")
)

func invalid(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }
