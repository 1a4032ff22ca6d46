package accesstoken

import "errors"

// What [Verifier.Verify] and [Keyring.Verify] say; compare with [errors.Is]. The
// text of an error names the rule that was broken and holds no part of the token.
var (
	// ErrInvalid: not a token of ours, for this use.
	ErrInvalid = errors.New("accesstoken: the token is not valid")
	// ErrExpired: a token of ours, past its time.
	ErrExpired = errors.New("accesstoken: the token has expired")
)

// invalidError is an ErrInvalid that says why.
type invalidError string

func (e invalidError) Error() string { return ErrInvalid.Error() + ": " + string(e) }

func (invalidError) Unwrap() error { return ErrInvalid }

// The reasons, as values, so that refusing a token allocates nothing.
var (
	errLength    error = invalidError("it is too long")
	errForm      error = invalidError("it is not in the compact form of a JWS")
	errEncoding  error = invalidError("it is not in canonical base64url")
	errHeader    error = invalidError("its header is not one of ours")
	errType      error = invalidError("its typ is another one")
	errKey       error = invalidError("its key is not in the keyring")
	errAlgorithm error = invalidError("its alg is not that of the key")
	errSignature error = invalidError("the signature is wrong")
	errClaims    error = invalidError("a claim is missing or of the wrong type")
	errIssuer    error = invalidError("iss or aud is another one")
	errTimes     error = invalidError("iat or exp cannot be right")
)
