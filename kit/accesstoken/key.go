package accesstoken

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"reflect"
	"slices"

	// The module that jwx's own primitives are a wrapper of. The wrapper links the
	// rest of jwx, net/http included, into every program that checks a token: as
	// WebAssembly 7.2 MB and not 4.3 MB.
	"github.com/lestrrat-go/dsig"
)

// maxKeyID bounds a key id, in bytes.
const maxKeyID = 128

// Key is one key, for one algorithm and with one key id. With a secret or a private
// key it signs and verifies, and with a public key it verifies. It never changes, and
// prints as its algorithm and key id. [NewKey] makes one; the zero Key is of no use.
type Key struct {
	alg    Algorithm
	id     string
	header string           // of the access tokens that it signs, encoded
	public crypto.PublicKey // nil: a secret
	size   int              // of a signature, in bytes

	// Secrets are behind functions because package fmt calls no methods of a value
	// in an unexported field, and for a verb that does not fit it prints what a
	// pointer points to. Of a function it prints the address.
	verify func(input, signature []byte) bool
	sign   func(input []byte) ([]byte, error) // nil: it only verifies
	root   func() []byte                      // other secrets derive from it; nil: it cannot be read
}

// Algorithm returns the algorithm of the key.
func (k *Key) Algorithm() Algorithm { return k.alg }

// ID returns the key id. It is never empty.
func (k *Key) ID() string { return k.id }

// CanSign reports whether the key has a secret or a private key.
func (k *Key) CanSign() bool { return k.sign != nil }

// Format writes the algorithm and the key id, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) {
	if k.verify == nil {
		fmt.Fprint(f, "no key")
		return
	}
	fmt.Fprintf(f, "%s key %q [redacted]", string(k.alg), k.id)
}

// NewKey makes a key, which is copied:
//
//   - for HS256, HS384 and HS512 from a []byte, the shared secret. It should be random,
//     and has at least as many bytes as the hash: 32, 48 or 64 (RFC 7518, section 3.2).
//     A single byte over and over and a PEM block are refused, because others know them.
//   - for RS256, ES256 and EdDSA from a [crypto.Signer], to sign and verify: an
//     *rsa.PrivateKey of at least 2048 bits that is not of the ROCA family
//     (CVE-2017-15361), an *ecdsa.PrivateKey on P-256 or an ed25519.PrivateKey, or the
//     same in a hardware module. From the latter no secrets can be derived: see
//     [Keyring.Derive].
//   - for the same algorithms from an *rsa.PublicKey, an *ecdsa.PublicKey or an
//     ed25519.PublicKey, to verify only.
//
// id is the key id: 1 to 128 characters of printable ASCII. Empty means one that is
// the same wherever that key is made: the thumbprint of a public key (RFC 7638), or,
// for a secret, 128 bits of an HMAC under it. The id is public and tells no more about
// the secret than a token does: a guess at the secret can be tested on either.
func NewKey(alg Algorithm, id string, key any) (*Key, error) {
	k := &Key{alg: alg, id: id}
	var err error
	if secret, ok := key.([]byte); ok {
		err = k.useSecret(secret)
	} else if signer, ok := key.(crypto.Signer); ok {
		err = k.usePrivate(signer)
	} else {
		err = k.usePublic(key)
	}
	if err != nil {
		return nil, err
	}
	if len(k.id) > maxKeyID || !isPrintable(k.id) {
		return nil, fmt.Errorf("accesstoken: a key id is 1 to %d characters of printable ASCII", maxKeyID)
	}
	k.header = encodeHeader(alg, accessType, k.id)
	return k, nil
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

func (k *Key) useSecret(secret []byte) error {
	h := map[Algorithm]func() hash.Hash{HS256: sha256.New, HS384: sha512.New384, HS512: sha512.New}[k.alg]
	if h == nil {
		return k.alg.checkPublic(secret)
	}
	k.size = h().Size()
	switch {
	case len(secret) < k.size:
		return fmt.Errorf("accesstoken: the secret of %s has at least %d bytes; this one has %d", string(k.alg), k.size, len(secret))
	case bytes.Count(secret, secret[:1]) == len(secret):
		return errors.New("accesstoken: the HMAC secret is one byte over and over: take random bytes")
	case bytes.Contains(secret, []byte("-----BEGIN ")):
		return errors.New("accesstoken: the HMAC secret is a PEM block: use ParsePEM, and an algorithm for such a key")
	}
	secret = slices.Clone(secret)
	if k.id == "" {
		// What is signed has a dot in it and the text here has none, so the id is
		// never a part of a signature.
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("myauth key id of " + k.alg))
		k.id = base64url.EncodeToString(mac.Sum(nil)[:16])
	}
	k.verify = func(input, signature []byte) bool { return dsig.VerifyHMAC(secret, input, signature, h) == nil }
	k.sign = func(input []byte) ([]byte, error) { return dsig.SignHMAC(secret, input, h) }
	k.root = func() []byte { return secret }
	return nil
}

func (k *Key) usePublic(public crypto.PublicKey) error {
	if err := k.alg.checkPublic(public); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err == nil {
		k.public, err = x509.ParsePKIXPublicKey(der)
	}
	if err != nil {
		return fmt.Errorf("accesstoken: the public key is not usable: %w", err)
	}
	if k.id == "" {
		k.id = thumbprint(k.public)
	}
	k.size = 64 // of ES256 (r and s, 32 bytes each) and EdDSA
	switch key := k.public.(type) {
	case *rsa.PublicKey:
		k.size = key.Size()
		k.verify = func(input, signature []byte) bool {
			return dsig.VerifyRSA(key, input, signature, crypto.SHA256, false) == nil
		}
	case *ecdsa.PublicKey:
		k.verify = func(input, signature []byte) bool {
			return dsig.VerifyECDSA(key, input, signature, crypto.SHA256) == nil
		}
	case ed25519.PublicKey:
		k.verify = func(input, signature []byte) bool { return dsig.VerifyEdDSA(key, input, signature) == nil }
	}
	return nil
}

func (k *Key) usePrivate(private crypto.Signer) error {
	if v := reflect.ValueOf(private); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("accesstoken: %s needs a key, not a nil %T", string(k.alg), private)
	}
	if seed, ok := private.(ed25519.PrivateKey); ok && len(seed) != ed25519.PrivateKeySize {
		return errors.New("accesstoken: an Ed25519 private key has 64 bytes")
	}
	if err := k.usePublic(private.Public()); err != nil {
		return err
	}
	switch private.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		var parsed any
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err == nil {
			parsed, err = x509.ParsePKCS8PrivateKey(der)
		}
		if err != nil {
			return fmt.Errorf("accesstoken: the private key is not usable: %w", err)
		}
		private = parsed.(crypto.Signer)
		k.root = func() []byte { return der }
	}
	method := map[Algorithm]string{RS256: dsig.RSAPKCS1v15WithSHA256, ES256: dsig.ECDSAWithP256AndSHA256, EdDSA: dsig.EdDSA}[k.alg]
	k.sign = func(input []byte) ([]byte, error) { return dsig.Sign(private, method, input, nil) }
	return nil
}

// derive returns a secret for another purpose: HKDF-SHA-256 (RFC 5869) of the secret or
// of the private key in PKCS#8, with purpose as the info.
func (k *Key) derive(purpose string) ([]byte, error) {
	if k.root == nil {
		return nil, fmt.Errorf("accesstoken: no secret can be derived from the key %q: its private part cannot be read", k.id)
	}
	return hkdf.Key(sha256.New, k.root(), nil, purpose, sha256.Size)
}

// forType returns the key that signs tokens of another typ than access tokens have.
func (k *Key) forType(typ string) (*Key, error) {
	secret, err := k.derive("token of type " + typ)
	if err != nil {
		return nil, err
	}
	return NewKey(HS256, k.id, secret)
}

// base64url is the encoding of RFC 7515 with one spelling for each text: the bits
// after the last byte must be zero.
var base64url = base64.RawURLEncoding.Strict()
