package accesstoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"myauth.internal/kit/ijson"
)

// The bounds of a JWK Set from elsewhere. Checking a signature takes time in the
// third power of an RSA key's length, and whoever serves the set chooses it.
const (
	maxKeySet     = 256 << 10 // bytes
	maxKeySetKeys = 100
	maxRSABits    = 8192
)

// ParseJWKS makes a keyring that verifies, and cannot sign, from a JWK Set (RFC
// 7517) such as [Keyring.JWKS] writes and a MyAuth server has at
// /auth/.well-known/jwks.json.
//
// As the RFC asks, keys that are not for checking signatures by an [Algorithm] of
// this package are passed over: another kty, crv, use or alg, key_ops without
// "verify", and every symmetric key, since a secret in a document for the public is
// none. What is for it must be right: it is an error if such a key has a private
// part, a wrong length, a point that is not on its curve, or the id of another
// one, and if no key is left. A key without an alg is for RS256, ES256 or EdDSA
// according to its type, and one without a kid gets its thumbprint (RFC 7638),
// which is what this package writes into tokens.
//
// set has at most 256 KiB and 100 keys, RSA keys have 2048 to 8192 bits. No error
// holds a part of it.
//
// The keyring is a state of the set. To follow a server that rotates its keys, read
// the set again from time to time, best when a token names a key that is not
// there but not more often than once a minute, and make a new Verifier.
func ParseJWKS(set []byte) (*Keyring, error) {
	if len(set) > maxKeySet {
		return nil, fmt.Errorf("accesstoken: a JWK Set has at most %d bytes; this one has %d", maxKeySet, len(set))
	}
	var list []byte
	err := ijson.Object(set, ijson.MaxDepth, func(name, value []byte) error {
		if string(name) == "keys" {
			list = value
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("accesstoken: the JWK Set cannot be read: %w", err)
	}
	if list == nil {
		return nil, errors.New(`accesstoken: the JWK Set has no member "keys"`)
	}
	var keys []*Key
	n := 0
	err = ijson.Array(list, func(element []byte) error {
		if n++; n > maxKeySetKeys {
			return fmt.Errorf("accesstoken: a JWK Set has at most %d keys", maxKeySetKeys)
		}
		key, err := parseJWK(element)
		if err != nil {
			return fmt.Errorf("accesstoken: key %d of the JWK Set: %w", n, err)
		}
		if key != nil {
			keys = append(keys, key)
		}
		return nil
	})
	if errors.Is(err, ijson.ErrType) && n == 0 {
		return nil, errors.New(`accesstoken: "keys" of the JWK Set is not an array`)
	}
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("accesstoken: of the %d keys in the JWK Set none verifies RS256, ES256 or EdDSA", n)
	}
	return NewKeyring(nil, keys...)
}

// jwk is a JSON Web Key, as far as it concerns public keys.
type jwk struct {
	kty, crv, use, alg, kid string
	n, e, x, y              string
	ops                     []string
	private                 bool
}

// parseJWK returns nil and no error for a key that is for something else.
func parseJWK(text []byte) (*Key, error) {
	var j jwk
	err := ijson.Object(text, ijson.MaxDepth, func(name, value []byte) (err error) {
		switch string(name) {
		case "kty":
			j.kty, err = ijson.String(value)
		case "crv":
			j.crv, err = ijson.String(value)
		case "use":
			j.use, err = ijson.String(value)
		case "alg":
			j.alg, err = ijson.String(value)
		case "kid":
			j.kid, err = ijson.String(value)
		case "n":
			j.n, err = ijson.String(value)
		case "e":
			j.e, err = ijson.String(value)
		case "x":
			j.x, err = ijson.String(value)
		case "y":
			j.y, err = ijson.String(value)
		case "key_ops":
			j.ops, err = ijson.Strings(value)
		case "d", "p", "q", "dp", "dq", "qi", "oth":
			j.private = true
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	alg, ok := j.algorithm()
	if !ok {
		return nil, nil
	}
	if j.private {
		return nil, errors.New("it holds a private part: whoever can read it can make tokens; replace this key")
	}
	public, err := j.public()
	if err != nil {
		return nil, err
	}
	return PublicKey(alg, j.kid, public)
}

// algorithm returns the one algorithm that the key is for, if it is one of ours.
func (j *jwk) algorithm() (Algorithm, bool) {
	var alg Algorithm
	switch {
	case j.kty == "RSA":
		alg = RS256
	case j.kty == "EC" && j.crv == "P-256":
		alg = ES256
	case j.kty == "OKP" && j.crv == "Ed25519":
		alg = EdDSA
	default:
		return "", false
	}
	forVerifying := (j.use == "" || j.use == "sig") && (j.ops == nil || slices.Contains(j.ops, "verify"))
	return alg, forVerifying && (j.alg == "" || j.alg == string(alg))
}

func (j *jwk) public() (crypto.PublicKey, error) {
	switch j.kty {
	case "RSA":
		n, err := octets("n", j.n)
		if err != nil {
			return nil, err
		}
		e, err := octets("e", j.e)
		if err != nil {
			return nil, err
		}
		if len(n)*8 > maxRSABits {
			return nil, fmt.Errorf("an RSA key has at most %d bits here", maxRSABits)
		}
		if n[len(n)-1]&1 == 0 {
			return nil, errors.New("n of an RSA key is odd: it is a product of two odd primes")
		}
		// Odd and greater than 1, and no greater than what every library takes.
		exponent := new(big.Int).SetBytes(e)
		if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
			return nil, fmt.Errorf("e of an RSA key is an odd number from 3 to %d", math.MaxInt32)
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
	case "EC":
		x, err := octets("x", j.x)
		if err != nil {
			return nil, err
		}
		y, err := octets("y", j.y)
		if err != nil {
			return nil, err
		}
		if len(x) != 32 || len(y) != 32 {
			return nil, errors.New("x and y of a key on P-256 have 32 bytes each")
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	}
	x, err := octets("x", j.x)
	if err != nil {
		return nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("x of an Ed25519 key has %d bytes", ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(x), nil
}

// octets decodes a member of a JWK, which must be there.
func octets(name, value string) ([]byte, error) {
	if value == "" {
		return nil, fmt.Errorf("it has no %s", name)
	}
	b, err := base64url.DecodeString(value)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64url without padding", name)
	}
	return b, nil
}
