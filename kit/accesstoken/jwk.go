package accesstoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"

	"myauth.internal/kit/ijson"
)

// appendMaterial appends the required members of the JWK of a public key, in the
// order and form of a thumbprint (RFC 7638, section 3), without the braces.
func appendMaterial(b []byte, public crypto.PublicKey) []byte {
	member := func(name string, value []byte) {
		b = append(b, ',', '"')
		b = append(b, name...)
		b = append(b, `":"`...)
		b = base64.RawURLEncoding.AppendEncode(b, value)
		b = append(b, '"')
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		b = append(b, `"e":"`...)
		b = base64.RawURLEncoding.AppendEncode(b, big.NewInt(int64(key.E)).Bytes())
		b = append(b, `","kty":"RSA"`...)
		member("n", key.N.Bytes())
	case *ecdsa.PublicKey:
		b = append(b, `"crv":"P-256","kty":"EC"`...)
		// 4, then both coordinates at full length; P-256 has no other form.
		point, _ := key.Bytes()
		member("x", point[1:33])
		member("y", point[33:65])
	case ed25519.PublicKey:
		b = append(b, `"crv":"Ed25519","kty":"OKP"`...)
		member("x", key)
	}
	return b
}

// thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638), in base64url.
func thumbprint(public crypto.PublicKey) string {
	text := append(appendMaterial([]byte{'{'}, public), '}')
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// keySet returns the JWK Set (RFC 7517, section 5) of the public keys among keys.
func keySet(keys []*entry) []byte {
	b := []byte(`{"keys":[`)
	first := true
	for _, e := range keys {
		if e.public == nil {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '{')
		b = appendMaterial(b, e.public)
		b = append(b, `,"use":"sig","alg":"`...)
		b = append(b, e.alg...)
		b = append(b, `","kid":`...)
		b = ijson.AppendString(b, e.kid)
		b = append(b, '}')
	}
	return append(b, ']', '}')
}
