package hostile

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"sync"
)

// keyring has a key of each kind. It signs with the standard library alone, so that the tests compare
// two implementations.
type keyring struct {
	kid string
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
}

// The first RSA key is made once for all tests of a package, because that takes long.
var firstRSA = sync.OnceValue(newRSA)

func newRSA() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) }

func newKeyring(kid string, first *rsa.PrivateKey) keyring {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	return keyring{kid, first, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), must(ed, err)}
}

// kidOf returns the kid of the key for an alg: that of the ring, and the family.
func (k keyring) kidOf(alg string) string {
	switch alg {
	case "ES256":
		return k.kid + "-ec"
	case "EdDSA":
		return k.kid + "-ed"
	}
	return k.kid
}

// public returns the members of the key set. The RSA key has no alg, because it is for two.
func (k keyring) public() []any {
	point := must(k.ec.PublicKey.Bytes())
	return []any{
		JSON{"kty": "RSA", "kid": k.kid, "use": "sig", "n": b64(k.rsa.N.Bytes()), "e": b64(big.NewInt(int64(k.rsa.E)).Bytes())},
		JSON{"kty": "EC", "kid": k.kidOf("ES256"), "use": "sig", "alg": "ES256", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		JSON{"kty": "OKP", "kid": k.kidOf("EdDSA"), "use": "sig", "alg": "EdDSA", "crv": "Ed25519", "x": b64(k.ed.Public().(ed25519.PublicKey))},
	}
}

func (k keyring) sign(s Script, claims JSON) string {
	alg := s.Alg
	if alg == "" {
		alg = "RS256"
	}
	header := over(JSON{"alg": alg, "kid": k.kidOf(alg), "typ": "JWT"}, s.Header)
	text := must(json.Marshal(claims))
	if s.Rewrite != nil {
		text = []byte(s.Rewrite(string(text)))
	}
	signed := b64(must(json.Marshal(header))) + "." + b64(text)
	if s.Sign != nil {
		return signed + "." + b64(s.Sign(signed))
	}
	return signed + "." + b64(k.signature(alg, s.ClientSecret, signed))
}

func (k keyring) signature(alg, secret, signed string) []byte {
	sum := sha256.Sum256([]byte(signed))
	switch alg {
	case "RS256":
		return must(rsa.SignPKCS1v15(rand.Reader, k.rsa, crypto.SHA256, sum[:]))
	case "PS256":
		return must(rsa.SignPSS(rand.Reader, k.rsa, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	case "ES256":
		r, s, err := ecdsa.Sign(rand.Reader, k.ec, sum[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "EdDSA":
		return ed25519.Sign(k.ed, []byte(signed))
	case "HS256":
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		return mac.Sum(nil)
	case "none":
		return nil
	}
	panic("hostile: no such alg: " + alg)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
