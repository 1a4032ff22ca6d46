package accesstoken

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"sync"

	"github.com/lestrrat-go/dsig"
)

const (
	maxKeyID   = 128  // bytes
	minRSABits = 2048 // RFC 7518, section 3.3
)

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
	if _, ok := algorithms[alg]; !ok {
		return nil, fmt.Errorf("accesstoken: unknown algorithm %q: use HS256, HS384, HS512, RS256, ES256 or EdDSA", string(alg))
	}
	k := &Key{alg: alg, id: id}
	var err error
	switch key := key.(type) {
	case []byte:
		err = k.useSecret(key)
	case crypto.Signer:
		err = k.usePrivate(key)
	default:
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

// errWrongKey is the error for a key of another kind than the algorithm needs.
func (k *Key) errWrongKey(key any) error {
	return fmt.Errorf("accesstoken: %s needs %s; this is another key, of type %T", string(k.alg), algorithms[k.alg].key, key)
}

func (k *Key) useSecret(secret []byte) error {
	h := algorithms[k.alg].hash
	if h == nil {
		return k.errWrongKey(secret)
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
	// Making an HMAC hashes the secret twice, which was half of the time of a signature; using
	// one again does not.
	macs := &sync.Pool{New: func() any { return hmac.New(h, secret) }}
	mac := func(input []byte) []byte {
		m := macs.Get().(hash.Hash)
		defer macs.Put(m)
		m.Reset()
		m.Write(input)
		return m.Sum(nil)
	}
	k.verify = func(input, signature []byte) bool { return hmac.Equal(mac(input), signature) }
	k.sign = func(input []byte) ([]byte, error) { return mac(input), nil }
	k.root = func() []byte { return secret }
	return nil
}

func (k *Key) usePublic(public crypto.PublicKey) error {
	fits := false
	switch key := public.(type) {
	case *rsa.PublicKey:
		fits = k.alg == RS256 && key != nil && key.N != nil
	case *ecdsa.PublicKey:
		fits = k.alg == ES256 && key != nil && key.Curve == elliptic.P256()
	case ed25519.PublicKey:
		fits = k.alg == EdDSA && len(key) == ed25519.PublicKeySize
	}
	if !fits {
		return k.errWrongKey(public)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err == nil {
		k.public, err = x509.ParsePKIXPublicKey(der)
	}
	if err != nil {
		return fmt.Errorf("accesstoken: the public key is not usable: %w", err)
	}
	k.size = 64 // of ES256 (r and s, 32 bytes each) and EdDSA
	switch key := k.public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return fmt.Errorf("accesstoken: RS256 needs an RSA key of at least %d bits; this one has %d", minRSABits, bits)
		}
		if isROCA(key.N) {
			return errors.New("accesstoken: the RSA key is of the ROCA family (CVE-2017-15361), so anyone can find its private part: make another key, with other software than the chip or library that made this one")
		}
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
	if k.id == "" {
		k.id = thumbprint(k.public)
	}
	return nil
}

func (k *Key) usePrivate(private crypto.Signer) error {
	if v := reflect.ValueOf(private); v.Kind() == reflect.Pointer && v.IsNil() {
		return k.errWrongKey(nil)
	}
	if seed, ok := private.(ed25519.PrivateKey); ok && len(seed) != ed25519.PrivateKeySize {
		return k.errWrongKey(private)
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
	k.sign = func(input []byte) ([]byte, error) { return dsig.Sign(private, algorithms[k.alg].signature, input, nil) }
	return nil
}

// derive returns another secret: HKDF-SHA-256 (RFC 5869) of the secret or of the private
// key in PKCS#8.
func (k *Key) derive(info string) ([]byte, error) {
	if k.root == nil {
		return nil, fmt.Errorf("accesstoken: no secret can be derived from the key %q: its private part cannot be read", k.id)
	}
	return hkdf.Key(sha256.New, k.root(), nil, info, sha256.Size)
}
