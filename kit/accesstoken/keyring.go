package accesstoken

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// Keyring has one key that signs, or none, and any number that verify. [Rotation] and
// [Keyring.Replace] change them while the program runs. Every method is safe for concurrent use: a token
// is signed or verified with the keys before a change or with those after it.
//
// The zero Keyring has no keys. A Keyring must not be copied.
type Keyring struct {
	state atomic.Pointer[keySet]
}

// keySet is what a keyring has at one time. It never changes.
type keySet struct {
	signing *Key // nil: it only verifies
	keys    []*Key
	jwks    []byte
}

// HMAC makes a keyring with one HS256 key, whose id is derived from the secret: see
// [NewKey].
func HMAC(secret []byte) (*Keyring, error) {
	key, err := NewKey(HS256, "", secret)
	if err != nil {
		return nil, err
	}
	return NewKeyring(key)
}

// NewKeyring makes a keyring that signs with signing and verifies with all the keys. A
// nil signing makes one that only verifies, for a resource server. The key ids must
// differ, and there must be at least one key.
func NewKeyring(signing *Key, verifying ...*Key) (*Keyring, error) {
	k := new(Keyring)
	if err := k.Replace(signing, verifying...); err != nil {
		return nil, err
	}
	return k, nil
}

// Replace replaces all the keys at once, under the rules of [NewKeyring]. After an error the
// keyring is as it was. To go from one signing key to another without refusing a token takes
// three such steps with time between them: [Rotation] does them.
func (k *Keyring) Replace(signing *Key, verifying ...*Key) error {
	keys := slices.Clone(verifying)
	if signing != nil {
		if !signing.CanSign() {
			return errors.New("accesstoken: the signing key of a keyring needs its secret or private key")
		}
		keys = slices.Insert(keys, 0, signing)
	}
	if len(keys) == 0 {
		return errors.New("accesstoken: a keyring needs at least one key")
	}
	for i, key := range keys {
		if key == nil || key.verify == nil {
			return errors.New("accesstoken: a keyring takes no nil key")
		}
		if slices.ContainsFunc(keys[:i], func(other *Key) bool { return other.id == key.id }) {
			return fmt.Errorf("accesstoken: two keys have the key id %q", key.id)
		}
	}
	k.state.Store(&keySet{signing, keys, formatJWKS(keys)})
	return nil
}

// current returns the keys of this moment.
func (k *Keyring) current() *keySet {
	if s := k.state.Load(); s != nil {
		return s
	}
	return &keySet{jwks: formatJWKS(nil)}
}

// byID returns the key with that id, or nil.
func (s *keySet) byID(id string) *Key {
	for _, key := range s.keys {
		if key.id == id {
			return key
		}
	}
	return nil
}

var errNoSigningKey = errors.New("accesstoken: the keyring has no key that can sign")

// CanSign reports whether the keyring has a signing key.
func (k *Keyring) CanSign() bool { return k.current().signing != nil }

// IDs returns the key ids. The first is that of the signing key, if there is one.
func (k *Keyring) IDs() []string {
	var ids []string
	for _, key := range k.current().keys {
		ids = append(ids, key.id)
	}
	return ids
}

// JWKS returns the JWK Set (RFC 7517) of the public keys of the keyring, without any
// private part. Secrets of HMAC are not in it: with those alone it is {"keys":[]}.
func (k *Keyring) JWKS() []byte { return slices.Clone(k.current().jwks) }

// Derive returns a secret of 32 bytes for a purpose other than tokens, such as sealing
// data, and the id of the key that it is derived from. keyID names the key; empty means
// the signing one. Write the id beside what the secret protects, and ask for the secret
// by that id to read it: this works until the key leaves the keyring.
//
// Each purpose has its own secret, which tells nothing about those of others or about
// the key (HKDF-SHA-256, RFC 5869). It is an error if the keyring has no such key, or the
// private part of the key cannot be read: a public key, or one in a hardware module.
func (k *Keyring) Derive(purpose, keyID string) (secret []byte, id string, err error) {
	s := k.current()
	key := s.signing
	if keyID != "" {
		key = s.byID(keyID)
	}
	if key == nil {
		return nil, "", fmt.Errorf("accesstoken: the keyring has no key %q to derive a secret from", keyID)
	}
	secret, err = key.derive("secret for " + purpose)
	return secret, key.id, err
}

// Format writes the algorithms and key ids, whatever the verb.
func (k *Keyring) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "keyring%v", k.current().keys) }
