package accesstoken

import (
	"bytes"
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
	"strings"

	"myauth.internal/kit/ijson"
)

// formatJWKS returns the JWK Set (RFC 7517, section 5) of the public keys among keys.
func formatJWKS(keys []*Key) []byte {
	var list [][]byte
	for _, key := range keys {
		if key.public != nil {
			b := fmt.Appendf(nil, `{%s,"use":"sig","alg":"%s","kid":`, formatJWK(key.public), key.alg)
			list = append(list, append(ijson.AppendString(b, key.id), '}'))
		}
	}
	return fmt.Appendf(nil, `{"keys":[%s]}`, bytes.Join(list, []byte{','}))
}

// formatJWK returns the required members of the JWK of a public key, in the order and
// form of a thumbprint (RFC 7638, section 3), without the braces.
func formatJWK(public crypto.PublicKey) string {
	encode := base64url.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf(`"e":"%s","kty":"RSA","n":"%s"`, encode(big.NewInt(int64(key.E)).Bytes()), encode(key.N.Bytes()))
	case *ecdsa.PublicKey:
		// 4, then both coordinates at full length; P-256 has no other form.
		point, _ := key.Bytes()
		return fmt.Sprintf(`"crv":"P-256","kty":"EC","x":"%s","y":"%s"`, encode(point[1:33]), encode(point[33:]))
	case ed25519.PublicKey:
		return fmt.Sprintf(`"crv":"Ed25519","kty":"OKP","x":"%s"`, encode(key))
	}
	return ""
}

// thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638), in base64url.
func thumbprint(public crypto.PublicKey) string {
	sum := sha256.Sum256([]byte("{" + formatJWK(public) + "}"))
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

// parseJWK returns nil and no error for a key that is for something else.
func parseJWK(text []byte) (*Key, error) {
	member := map[string]string{}
	private, verifies := false, true
	err := ijson.Object(text, ijson.MaxDepth, func(name, value []byte) (err error) {
		switch string(name) {
		case "kty", "crv", "use", "alg", "kid", "n", "e", "x", "y":
			member[string(name)], err = ijson.String(value)
		case "key_ops":
			var ops []string
			ops, err = ijson.Strings(value)
			verifies = slices.Contains(ops, "verify")
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
	alg := map[string]Algorithm{"RSA": RS256, "EC P-256": ES256, "OKP Ed25519": EdDSA}[strings.TrimSpace(member["kty"]+" "+member["crv"])]
	use, named := member["use"], member["alg"]
	if alg == "" || !verifies || use != "" && use != "sig" || named != "" && named != string(alg) {
		return nil, nil
	}
	if private {
		return nil, errors.New("it has a private part, so everyone who can read it can make tokens: replace this key")
	}
	public, err := publicOf(alg, member)
	if err != nil {
		return nil, err
	}
	return NewKey(alg, member["kid"], public)
}

// publicOf returns the public key that the members of a JWK describe.
func publicOf(alg Algorithm, member map[string]string) (crypto.PublicKey, error) {
	octets := func(name string) []byte {
		b, err := base64url.DecodeString(member[name])
		if err != nil {
			return nil // of no length that is accepted
		}
		return b
	}
	switch alg {
	case EdDSA:
		return ed25519.PublicKey(octets("x")), nil
	case ES256:
		x, y := octets("x"), octets("y")
		if len(x) != 32 || len(y) != 32 {
			return nil, errors.New("x and y of a key on P-256 are 32 bytes each, in base64url without padding")
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	}
	n, e := new(big.Int).SetBytes(octets("n")), new(big.Int).SetBytes(octets("e"))
	// n is a product of odd primes, and no greater than what this program has time
	// for; e is no greater than what every library takes.
	if n.BitLen() > maxRSABits || n.Bit(0) == 0 || e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0 {
		return nil, fmt.Errorf("n of an RSA key is odd and has at most %d bits, e is odd and from 3 to %d, both in base64url without padding", maxRSABits, math.MaxInt32)
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}
