package accesstoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
)

// Algorithm is a signature algorithm, by its name in the registry of RFC 7518.
type Algorithm string

// The algorithms. There is no "none", and no other.
const (
	// HS256, HS384 and HS512 are HMAC with SHA-2: every program that can verify can
	// also sign.
	HS256 Algorithm = "HS256"
	HS384 Algorithm = "HS384"
	HS512 Algorithm = "HS512"
	// RS256 is RSASSA-PKCS1-v1_5 with SHA-256.
	RS256 Algorithm = "RS256"
	// ES256 is ECDSA on P-256 with SHA-256.
	ES256 Algorithm = "ES256"
	// EdDSA is Ed25519 (RFC 8037).
	EdDSA Algorithm = "EdDSA"
)

func unknownAlgorithm(a Algorithm) error {
	return fmt.Errorf("accesstoken: unknown algorithm %q: use HS256, HS384, HS512, RS256, ES256 or EdDSA", string(a))
}

// minRSABits is what RFC 7518, section 3.3, asks for.
const minRSABits = 2048

// checkPublic returns an error unless public is a key for the algorithm.
func (a Algorithm) checkPublic(public crypto.PublicKey) error {
	switch a {
	case RS256:
		key, ok := public.(*rsa.PublicKey)
		if !ok || key == nil || key.N == nil {
			return fmt.Errorf("accesstoken: RS256 needs an RSA key, not %T", public)
		}
		if bits := key.N.BitLen(); bits < minRSABits {
			return fmt.Errorf("accesstoken: RS256 needs an RSA key of at least %d bits; this one has %d", minRSABits, bits)
		}
		if isROCA(key.N) {
			return errors.New("accesstoken: the RSA key is of the ROCA family (CVE-2017-15361), so anyone can find its private part: make another key, with other software than the chip or library that made this one")
		}
	case ES256:
		key, ok := public.(*ecdsa.PublicKey)
		if !ok || key == nil || key.Curve == nil {
			return fmt.Errorf("accesstoken: ES256 needs an ECDSA key on P-256, not %T", public)
		}
		if key.Curve != elliptic.P256() {
			return fmt.Errorf("accesstoken: ES256 needs an ECDSA key on P-256; this one is on %s", key.Curve.Params().Name)
		}
	case EdDSA:
		key, ok := public.(ed25519.PublicKey)
		if !ok || len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("accesstoken: EdDSA needs an Ed25519 key, not %T", public)
		}
	case HS256, HS384, HS512:
		return fmt.Errorf("accesstoken: %s needs a shared secret as a []byte, not %T", string(a), public)
	default:
		return unknownAlgorithm(a)
	}
	return nil
}
