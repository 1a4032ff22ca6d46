package accesstoken

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// maxKeyID bounds a key id, in bytes.
const maxKeyID = 128

// Key is one key: for one algorithm, with its key id, which never change. It holds
// a private key or a secret, with which it signs and verifies, or only a public
// key, with which it verifies. It prints as its algorithm and key id.
//
// The zero Key is of no use; the functions that return a *Key make one.
type Key struct {
	// A function, because package fmt calls no methods of a value in an unexported
	// field, and for a verb that does not fit it prints what a pointer points
	// to. Of a function it prints the address.
	open func() *material
}

// material is what a key is made of. Nothing but Key.open holds one, save what
// an atomic pointer hides from package fmt.
type material struct {
	alg     Algorithm
	kid     string
	unnamed bool             // kid was derived from the secret, so other makers of tokens may not know it
	secret  []byte           // of an HMAC key
	private crypto.Signer    // nil: verifies only
	public  crypto.PublicKey // nil: an HMAC key
	root    []byte           // what keys for other purposes derive from; nil: none can
}

// Algorithm returns the algorithm of the key.
func (k *Key) Algorithm() Algorithm { return k.open().alg }

// ID returns the key id. It is never empty.
func (k *Key) ID() string { return k.open().kid }

// CanSign reports whether the key holds a secret or a private key.
func (k *Key) CanSign() bool { return k.open().canSign() }

func (m *material) canSign() bool { return m.secret != nil || m.private != nil }

func newKey(m *material) *Key { return &Key{func() *material { return m }} }

// Format writes the algorithm and the key id, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) {
	if k.open == nil {
		fmt.Fprint(f, "no key")
		return
	}
	fmt.Fprintf(f, "%s key %q [redacted]", string(k.Algorithm()), k.ID())
}

// HMACKey makes a key for HS256, HS384 or HS512. The secret is copied. It should be
// random, from crypto/rand for instance, and has at least as many bytes as the hash: 32,
// 48 or 64 (RFC 7518, section 3.2). Two kinds of secret are refused because others know
// them: a single byte over and over, and a PEM block.
//
// kid is 1 to 128 characters of printable ASCII. Empty means one that is derived from
// the secret and the algorithm, so every instance gives a key the same id and another
// key another id. It is public, and tells no more than a token does: it is 128 bits of
// an HMAC under the secret, as is a signature, so a guess at the secret can be tested on
// it just as on any token, and nowhere faster. Of a random secret neither tells
// anything.
func HMACKey(alg Algorithm, kid string, secret []byte) (*Key, error) {
	if alg.hmacHash() == nil {
		if alg == RS256 || alg == ES256 || alg == EdDSA {
			return nil, fmt.Errorf("accesstoken: %s does not work with a shared secret: use PrivateKey or PublicKey", string(alg))
		}
		return nil, unknownAlgorithm(alg)
	}
	if size := alg.hmacHash()().Size(); len(secret) < size {
		return nil, fmt.Errorf("accesstoken: the secret of %s has at least %d bytes; this one has %d", string(alg), size, len(secret))
	}
	if bytes.Count(secret, secret[:1]) == len(secret) {
		return nil, errors.New("accesstoken: the HMAC secret is one byte over and over: take random bytes")
	}
	if bytes.Contains(secret, []byte("-----BEGIN ")) {
		return nil, errors.New("accesstoken: the HMAC secret is a PEM block: use ParsePEM, and an algorithm for such a key")
	}
	unnamed := kid == ""
	if unnamed {
		kid = secretID(alg, secret)
	}
	if err := checkKeyID(kid); err != nil {
		return nil, err
	}
	secret = slices.Clone(secret)
	return newKey(&material{alg: alg, kid: kid, unnamed: unnamed, secret: secret, root: secret}), nil
}

// secretID returns the key id of a secret. What is signed has a dot in it and the text
// here has none, so the id is never a part of a signature.
func secretID(alg Algorithm, secret []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("myauth key id of " + alg))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// PrivateKey makes a key that signs and verifies: for RS256 an RSA key of at least
// 2048 bits that is not of the ROCA family (CVE-2017-15361), for ES256 an ECDSA key on P-256, for EdDSA an Ed25519 key. Any
// crypto.Signer with such a public key will do, one in a hardware module too;
// keys of the standard library are copied. A key that cannot be exported gives
// no keys for other purposes: see [Keyring.Derive].
//
// kid is 1 to 128 characters of printable ASCII; empty means the thumbprint of
// the public key (RFC 7638).
func PrivateKey(alg Algorithm, kid string, private crypto.Signer) (*Key, error) {
	if v := reflect.ValueOf(private); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.New("accesstoken: PrivateKey needs a key, not nil")
	}
	var root []byte
	switch key := private.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		if seed, ok := key.(ed25519.PrivateKey); ok && len(seed) != ed25519.PrivateKeySize {
			return nil, errors.New("accesstoken: an Ed25519 private key has 64 bytes")
		}
		if err := alg.check(private.Public()); err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("accesstoken: the private key is not usable: %w", err)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, fmt.Errorf("accesstoken: the private key is not usable: %w", err)
		}
		private, root = parsed.(crypto.Signer), der
	}
	m, err := newPublic(alg, kid, private.Public())
	if err != nil {
		return nil, err
	}
	m.private, m.root = private, root
	return newKey(m), nil
}

// PublicKey makes a key that only verifies, from an *rsa.PublicKey, an
// *ecdsa.PublicKey or an ed25519.PublicKey, which is copied. The rules for alg and
// kid are those of [PrivateKey].
func PublicKey(alg Algorithm, kid string, public crypto.PublicKey) (*Key, error) {
	m, err := newPublic(alg, kid, public)
	if err != nil {
		return nil, err
	}
	return newKey(m), nil
}

func newPublic(alg Algorithm, kid string, public crypto.PublicKey) (*material, error) {
	if err := alg.check(public); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("accesstoken: the public key is not usable: %w", err)
	}
	if public, err = x509.ParsePKIXPublicKey(der); err != nil {
		return nil, fmt.Errorf("accesstoken: the public key is not usable: %w", err)
	}
	if kid == "" {
		kid = thumbprint(public)
	}
	if err := checkKeyID(kid); err != nil {
		return nil, err
	}
	return &material{alg: alg, kid: kid, public: public}, nil
}

func checkKeyID(kid string) error {
	if len(kid) == 0 || len(kid) > maxKeyID {
		return fmt.Errorf("accesstoken: a key id has 1 to %d bytes; this one has %d", maxKeyID, len(kid))
	}
	for i := range len(kid) {
		if kid[i] < ' ' || kid[i] > '~' {
			return errors.New("accesstoken: a key id is printable ASCII")
		}
	}
	return nil
}
