package accesstoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"myauth.internal/kit/ijson"
)

// appendJWKS appends the JWK Set (RFC 7517, section 5) of the public keys among keys.
func appendJWKS(b []byte, keys []*Key) []byte {
	b = append(b, `{"keys":[`...)
	first := true
	for _, key := range keys {
		if key.public == nil {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendJWK(append(b, '{'), key.public)
		b = append(b, `,"use":"sig","alg":"`...)
		b = append(b, key.alg...)
		b = ijson.AppendString(append(b, `","kid":`...), key.id)
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// appendJWK appends the required members of the JWK of a public key, in the order and
// form of a thumbprint (RFC 7638, section 3), without the braces.
func appendJWK(b []byte, public crypto.PublicKey) []byte {
	encode := base64url.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		return fmt.Appendf(b, `"e":"%s","kty":"RSA","n":"%s"`, encode(big.NewInt(int64(key.E)).Bytes()), encode(key.N.Bytes()))
	case *ecdsa.PublicKey:
		// 4, then both coordinates at full length; P-256 has no other form.
		point, _ := key.Bytes()
		return fmt.Appendf(b, `"crv":"P-256","kty":"EC","x":"%s","y":"%s"`, encode(point[1:33]), encode(point[33:]))
	case ed25519.PublicKey:
		return fmt.Appendf(b, `"crv":"Ed25519","kty":"OKP","x":"%s"`, encode(key))
	}
	return b
}

// thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638), in base64url.
func thumbprint(public crypto.PublicKey) string {
	sum := sha256.Sum256(append(appendJWK([]byte{'{'}, public), '}'))
	return base64url.EncodeToString(sum[:])
}

// The bounds of a JWK Set from elsewhere. Checking a signature takes time in the
// third power of an RSA key's length, and the server of the set chooses it.
const (
	maxSetBytes = 256 << 10
	maxSetKeys  = 100
	maxRSABits  = 8192
)

// ParseJWKS reads the keys of a JWK Set (RFC 7517) such as [Keyring.JWKS] writes and a
// MyAuth server has at /auth/.well-known/jwks.json. They verify and cannot sign:
//
//	keys, err := accesstoken.ParseJWKS(set)
//	ring, err := accesstoken.NewKeyring(nil, keys...)
//
// As the RFC asks, keys that are not for checking signatures by an [Algorithm] of this
// package are passed over: another kty, crv, use or alg, key_ops without "verify", and
// every symmetric key, since a secret in a public document is none. What is for it must
// be right: it is an error if such a key has a private part, a wrong length or a point
// that is not on its curve, and if no key is left. A key without an alg is for RS256,
// ES256 or EdDSA according to its type, and one without a kid gets its thumbprint (RFC
// 7638), which is what this package writes into tokens.
//
// set has at most 256 KiB and 100 keys, RSA keys have 2048 to 8192 bits. No error
// contains a part of it.
//
// To follow a server that rotates its keys, read the set again from time to time, best
// when a token names a key that is not there but at most once a minute, and give the
// keys to [Keyring.Replace].
func ParseJWKS(set []byte) ([]*Key, error) {
	if len(set) > maxSetBytes {
		return nil, fmt.Errorf("accesstoken: a JWK Set has at most %d bytes; this one has %d", maxSetBytes, len(set))
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
	if ijson.Kind(list) != '[' {
		return nil, errors.New(`accesstoken: the JWK Set has no array "keys"`)
	}
	var keys []*Key
	n := 0
	err = ijson.Array(list, func(element []byte) error {
		if n++; n > maxSetKeys {
			return fmt.Errorf("accesstoken: a JWK Set has at most %d keys", maxSetKeys)
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
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("accesstoken: of the %d keys in the JWK Set none verifies RS256, ES256 or EdDSA", n)
	}
	return keys, nil
}

// jwk is a JSON Web Key: the members that are strings, and key_ops.
type jwk struct {
	text map[string]string
	ops  []string
}

// parseJWK returns nil and no error for a key that is for something else.
func parseJWK(text []byte) (*Key, error) {
	j := jwk{text: map[string]string{}}
	private := false
	err := ijson.Object(text, ijson.MaxDepth, func(name, value []byte) (err error) {
		switch string(name) {
		case "kty", "crv", "use", "alg", "kid", "n", "e", "x", "y":
			j.text[string(name)], err = ijson.String(value)
		case "key_ops":
			j.ops, err = ijson.Strings(value)
		case "d", "p", "q", "dp", "dq", "qi", "oth":
			private = true
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	alg := j.algorithm()
	if alg == "" {
		return nil, nil
	}
	if private {
		return nil, errors.New("it has a private part, so everyone who can read it can make tokens: replace this key")
	}
	public, err := j.public(alg)
	if err != nil {
		return nil, err
	}
	return NewKey(alg, j.text["kid"], public)
}

// algorithm returns the algorithm whose signatures the key verifies, or "".
func (j *jwk) algorithm() Algorithm {
	var alg Algorithm
	switch j.text["kty"] + " " + j.text["crv"] {
	case "RSA ":
		alg = RS256
	case "EC P-256":
		alg = ES256
	case "OKP Ed25519":
		alg = EdDSA
	}
	if use := j.text["use"]; use != "" && use != "sig" || j.ops != nil && !slices.Contains(j.ops, "verify") {
		return ""
	}
	if named := j.text["alg"]; named != "" && named != string(alg) {
		return ""
	}
	return alg
}

func (j *jwk) public(alg Algorithm) (crypto.PublicKey, error) {
	first, second := "x", "y"
	if alg == RS256 {
		first, second = "n", "e"
	}
	x, err := j.octets(first)
	if err != nil {
		return nil, err
	}
	if alg == EdDSA {
		if len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("x of an Ed25519 key has %d bytes", ed25519.PublicKeySize)
		}
		return ed25519.PublicKey(x), nil
	}
	y, err := j.octets(second)
	if err != nil {
		return nil, err
	}
	if alg == ES256 {
		if len(x) != 32 || len(y) != 32 {
			return nil, errors.New("x and y of a key on P-256 have 32 bytes each")
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	}
	n, e := new(big.Int).SetBytes(x), new(big.Int).SetBytes(y)
	switch {
	case n.BitLen() > maxRSABits:
		return nil, fmt.Errorf("an RSA key has at most %d bits here", maxRSABits)
	case n.Bit(0) == 0:
		return nil, errors.New("n of an RSA key is odd: it is a product of two odd primes")
	case e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0: // no greater than what every library takes
		return nil, fmt.Errorf("e of an RSA key is an odd number from 3 to %d", math.MaxInt32)
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// octets decodes a member, which must be there.
func (j *jwk) octets(name string) ([]byte, error) {
	b, err := base64url.DecodeString(j.text[name])
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%s is missing, or not base64url without padding", name)
	}
	return b, nil
}
