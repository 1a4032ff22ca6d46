package accesstoken

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"sync/atomic"
)

// Derive returns a keyring for another purpose, such as "email verification": for
// each key of k it has an HS256 key of the same id, derived with HKDF-SHA-256 (RFC
// 5869) from the secret or from the private key in PKCS#8, with purpose as the info.
// So a token for one purpose is never accepted for another, and knowing the keys
// for one tells nothing about those for another or about k's own.
//
// The keyring returned follows k: what is published, promoted or retired there
// counts here at once. It cannot be changed itself, and its JWK Set is empty.
//
// A public key gives no derived key, and neither does a private key that cannot be
// exported, such as one in a hardware module; tokens with its id are refused, and
// Sign returns an error while it is the signing one.
func (k *Keyring) Derive(purpose string) *Keyring {
	return &Keyring{&view{parent: k.from, purpose: purpose}}
}

// view is a keyring that is derived from another one.
type view struct {
	parent  source
	purpose string
	last    atomic.Pointer[derivation]
}

// derivation is a state of the parent and what was derived from it.
type derivation struct {
	from, to *snapshot
}

func (v *view) snapshot() *snapshot {
	from := v.parent.snapshot()
	if last := v.last.Load(); last != nil && last.from == from {
		return last.to
	}
	// Two goroutines may derive at once; they get the same keys.
	to := from.derive(v.purpose)
	v.last.Store(&derivation{from, to})
	return to
}

func (s *snapshot) derive(purpose string) *snapshot {
	to := &snapshot{
		byID:     make(map[string]*entry, len(s.keys)),
		byHeader: make(map[string]*entry, len(s.keys)),
		jwks:     keySet(nil),
		noSign:   s.noSign,
	}
	for _, e := range s.keys {
		if e.root == nil {
			continue
		}
		secret, err := hkdf.Key(sha256.New, e.root, nil, purpose, sha256.Size)
		if err != nil { // only for lengths that HKDF cannot give
			continue
		}
		to.add(newKey(&material{alg: HS256, kid: e.kid, secret: secret, root: secret}), e == s.signing)
	}
	if s.signing != nil && to.signing == nil {
		to.noSign = errors.New("accesstoken: no key can be derived from the signing key: its private part cannot be exported")
	}
	return to
}
