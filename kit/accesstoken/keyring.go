package accesstoken

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Keyring holds one key that signs, or none, and any number that verify. It can
// change while it is in use: [Keyring.Publish] adds a key, [Keyring.Promote] makes
// it the signing one, [Keyring.Retire] takes one out. Every method is safe for
// concurrent use; a token is signed or verified under one state of the keyring,
// the one before a change or the one after it.
//
// A rotation without a refused token: Publish the new key everywhere; wait until
// the resource servers have read the JWK Set (caches may keep that of package httpx for
// five minutes); Promote it; wait for the lifetime of
// the longest-lived token that was signed before (with package kit that is its
// EmailVerificationTTL); Retire the old one.
type Keyring struct {
	from source
}

// source is where a keyring finds its present state: a ring, or a view of one.
type source interface {
	snapshot() *snapshot
}

// ring is a keyring of its own.
type ring struct {
	changing sync.Mutex // held while a change is made; readers never wait
	current  atomic.Pointer[snapshot]
}

func (r *ring) snapshot() *snapshot { return r.current.Load() }

// HMAC makes a keyring with a single HS256 key, whose key id is derived from the
// secret: see [HMACKey]. Further keys can be published.
func HMAC(secret []byte) (*Keyring, error) {
	key, err := HMACKey(HS256, "", secret)
	if err != nil {
		return nil, err
	}
	return NewKeyring(key)
}

// NewKeyring makes a keyring that signs with signing and verifies with all the
// keys. A nil signing makes one that only verifies, as a resource server has it.
// The key ids must differ.
func NewKeyring(signing *Key, verifying ...*Key) (*Keyring, error) {
	keys := verifying
	if signing != nil {
		if signing.open == nil || !signing.CanSign() {
			return nil, errors.New("accesstoken: the signing key of a keyring needs its secret or private key")
		}
		keys = append([]*Key{signing}, verifying...)
	}
	if len(keys) == 0 {
		return nil, errors.New("accesstoken: a keyring needs at least one key")
	}
	first, err := newSnapshot(signing, keys)
	if err != nil {
		return nil, err
	}
	r := new(ring)
	r.current.Store(first)
	return &Keyring{r}, nil
}

// Publish adds key: its tokens are accepted from now on, and the JWK Set lists it.
// A private part is kept for [Keyring.Promote]. It is an error if the keyring has
// a key with this id.
func (k *Keyring) Publish(key *Key) error {
	return k.change(func(s *snapshot) (*Key, []*Key, error) {
		return s.signingKey(), append(s.list(), key), nil
	})
}

// Promote makes the key with that id, which must hold a private part, the signing
// one. The one before keeps verifying.
func (k *Keyring) Promote(kid string) error {
	return k.change(func(s *snapshot) (*Key, []*Key, error) {
		e := s.byID[kid]
		if e == nil {
			return nil, nil, noSuchKey(kid)
		}
		if !e.canSign() {
			return nil, nil, fmt.Errorf("accesstoken: the key %q cannot sign: it was published without its private part", kid)
		}
		return e.key, s.list(), nil
	})
}

// Retire takes the key with that id out: its tokens are refused from now on. The
// signing key cannot be retired; promote another one first.
func (k *Keyring) Retire(kid string) error {
	return k.change(func(s *snapshot) (*Key, []*Key, error) {
		e := s.byID[kid]
		switch e {
		case nil:
			return nil, nil, noSuchKey(kid)
		case s.signing:
			return nil, nil, fmt.Errorf("accesstoken: the key %q signs: promote another one before it is retired", kid)
		}
		keys := slices.DeleteFunc(s.list(), func(key *Key) bool { return key == e.key })
		return s.signingKey(), keys, nil
	})
}

// change replaces the present state by what next makes of it.
func (k *Keyring) change(next func(*snapshot) (*Key, []*Key, error)) error {
	r, ok := k.from.(*ring)
	if !ok {
		return errors.New("accesstoken: a derived keyring follows its parent: change that one")
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	signing, keys, err := next(r.current.Load())
	if err != nil {
		return err
	}
	state, err := newSnapshot(signing, keys)
	if err != nil {
		return err
	}
	r.current.Store(state)
	return nil
}

func noSuchKey(kid string) error {
	return fmt.Errorf("accesstoken: the keyring has no key %q", kid)
}

// CanSign reports whether the keyring has a signing key.
func (k *Keyring) CanSign() bool { return k.from != nil && k.from.snapshot().signing != nil }

// JWKS returns the JWK Set (RFC 7517) of the keyring's public keys, the signing one
// and those published: kty, use, alg, kid and the key itself, never a private
// part. For HMAC keys, and so for a derived keyring, it is {"keys":[]}.
func (k *Keyring) JWKS() []byte { return slices.Clone(k.from.snapshot().jwks) }

// Format writes the algorithms and key ids, whatever the verb.
func (k Keyring) Format(f fmt.State, _ rune) {
	if k.from == nil {
		fmt.Fprint(f, "no keyring")
		return
	}
	s := k.from.snapshot()
	fmt.Fprintf(f, "keyring%v", s.list())
}
