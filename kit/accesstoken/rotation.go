package accesstoken

import (
	"crypto"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// KeySetMaxAge is for how long others may keep the JWK Set: package httpx serves it with this
// max-age. A key that is not in every such copy must not sign.
const KeySetMaxAge = 5 * time.Minute

// Rotation leads a [Keyring] from one signing key to the next without refusing a token. The next
// key is published first; then it signs, and the one before verifies until its last token is
// over; then that one leaves. It has no clock and no goroutine: its caller says when, and calls
// [Rotation.Advance] at the times that it returns.
//
// Instances that share keys each have a Rotation. They may get the next key at different times:
// no token is refused as long as the last gets it before the first signs with it.
//
// It is safe for concurrent use. Nothing else may replace the keys of the Keyring.
type Rotation struct {
	keys              *Keyring
	publish, lifetime time.Duration

	mu      sync.Mutex
	current *Key         // it signs
	next    *Key         // it will sign, from promote on; nil: no rotation is under way
	promote time.Time    // of next
	others  []retiredKey // they only verify
}

// retiredKey is a key that verifies until a time, or always.
type retiredKey struct {
	*Key
	until time.Time // zero: always
}

// NewRotation returns a Rotation of the signing key of keys, whose other keys verify for ever.
// publish is how long a key is in the JWK Set before it signs: at least [KeySetMaxAge], where
// others fetch the set. lifetime is the longest lifetime of whatever the signing key signs, and
// of what is sealed with a secret that is derived from it; in package kit that is
// Service.KeyLifetime. Neither may be negative.
func NewRotation(keys *Keyring, publish, lifetime time.Duration) (*Rotation, error) {
	if keys == nil || !keys.CanSign() {
		return nil, errors.New("accesstoken: a rotation needs a keyring with a signing key")
	}
	if publish < 0 || lifetime < 0 {
		return nil, errors.New("accesstoken: the times of a rotation must not be negative")
	}
	set := keys.current()
	r := &Rotation{keys: keys, publish: publish, lifetime: lifetime, current: set.signing}
	for _, key := range set.keys[1:] {
		r.others = append(r.others, retiredKey{Key: key})
	}
	return r, nil
}

// Rotate makes key, which must be able to sign, the signing key once it has been published for
// long enough: see [Rotation.Advance]. It reports whether this changes anything: a key that
// signs, or will, goes on as it does. If another was to sign next, key takes its place, and that
// one verifies, because other instances may sign with it, until its tokens there are over.
//
// After an error nothing has changed. It is one if key has the id of another key.
func (r *Rotation) Rotate(key *Key, now time.Time) (changed bool, err error) {
	if key == nil || !key.CanSign() {
		return false, errors.New("accesstoken: the next signing key needs its secret or private key")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.keys.current().keys {
		if known.id == key.id && !known.equal(key) {
			return false, fmt.Errorf("accesstoken: another key has the key id %q already", key.id)
		}
	}
	wanted := r.next
	if wanted == nil {
		wanted = r.current
	}
	if wanted.id == key.id {
		return false, nil
	}
	if r.next != nil {
		// No instance signs with it for longer than all need to hear of key and publish it.
		r.retire(r.next, now.Add(r.publish))
		r.next = nil
	}
	r.others = slices.DeleteFunc(r.others, func(k retiredKey) bool { return k.id == key.id })
	if key.id != r.current.id {
		r.next, r.promote = key, now.Add(r.publish)
	}
	return true, r.replace()
}

// Advance does what is due: it makes the next key sign, or takes keys out whose tokens are over.
// It reports whether the keys changed, and when it is to be called again; zero is never, unless
// Rotate is called before.
func (r *Rotation) Advance(now time.Time) (changed bool, again time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil && !now.Before(r.promote) {
		r.retire(r.current, now)
		r.current, r.next, changed = r.next, nil, true
	}
	r.others = slices.DeleteFunc(r.others, func(k retiredKey) bool {
		over := !k.until.IsZero() && !now.Before(k.until)
		changed = changed || over
		return over
	})
	if changed {
		err = r.replace()
	}
	if r.next != nil {
		again = r.promote
	}
	for _, k := range r.others {
		if !k.until.IsZero() && (again.IsZero() || k.until.Before(again)) {
			again = k.until
		}
	}
	return changed, again, err
}

// retire lets a key verify that this instance does not sign with from now on. Others may for as
// long as a key is published, as they may have heard of the next one later.
func (r *Rotation) retire(key *Key, now time.Time) {
	r.others = append(r.others, retiredKey{key, now.Add(r.publish + r.lifetime)})
}

// replace puts the keys into the keyring.
func (r *Rotation) replace() error {
	var verifying []*Key
	if r.next != nil {
		verifying = append(verifying, r.next)
	}
	for _, k := range r.others {
		verifying = append(verifying, k.Key)
	}
	return r.keys.Replace(r.current, verifying...)
}

// equal reports whether both are one key, or the public part of it.
func (k *Key) equal(other *Key) bool {
	switch public := k.public.(type) {
	case interface{ Equal(crypto.PublicKey) bool }:
		return k.alg == other.alg && public.Equal(other.public)
	default:
		return k.alg == other.alg && hmac.Equal(k.root(), other.root())
	}
}
