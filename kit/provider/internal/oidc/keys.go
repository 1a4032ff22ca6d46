package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"myauth.internal/kit/ijson"
)

// maxKeys bounds a key set. Providers have two or three; Microsoft ten.
const maxKeys = 100

// keySet holds the keys of a provider that can verify an ID token.
type keySet struct{ keys []key }

type key struct {
	kid, alg string // empty if the key set does not say
	issuer   string // of Microsoft's keys: the tenants whose tokens it signs, as a template or one
	public   any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// algorithms are those of ID tokens: the asymmetric ones of RFC 7518, 8037 and 9864. jwx has secp256k1 and
// Ed448 as well, which are left out.
var algorithms = map[string]jwa.SignatureAlgorithm{
	"RS256": jwa.RS256(), "RS384": jwa.RS384(), "RS512": jwa.RS512(),
	"PS256": jwa.PS256(), "PS384": jwa.PS384(), "PS512": jwa.PS512(),
	"ES256": jwa.ES256(), "ES384": jwa.ES384(), "ES512": jwa.ES512(),
	"EdDSA": jwa.EdDSA(), "Ed25519": jwa.EdDSAEd25519(),
}

// suits reports whether the key is one for alg.
func (k key) suits(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return alg[:2] == "RS" || alg[:2] == "PS"
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P256():
			return alg == "ES256"
		case elliptic.P384():
			return alg == "ES384"
		case elliptic.P521():
			return alg == "ES512"
		}
	case ed25519.PublicKey:
		return alg[:2] == "Ed"
	}
	return false
}

func (i *Issuer) fetchKeys(ctx context.Context) (*keySet, error) {
	m, err := i.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	text, err := i.get(ctx, m.JWKSURI, "")
	if err == nil {
		var set *keySet
		if set, err = readKeys(text); err == nil {
			return set, nil
		}
	}
	return nil, unavailable(fmt.Errorf("keys of %s: %w", i.issuer, err))
}

// readKeys reads a JWK Set (RFC 7517). Keys that it does not know, that are weak or not for
// signatures, it leaves out, as section 5 asks.
func readKeys(text []byte) (*keySet, error) {
	var set keySet
	var found bool
	err := ijson.Object(text, 8, func(name, value []byte) error {
		if string(name) != "keys" {
			return nil
		}
		found = true
		return ijson.Array(value, func(element []byte) error {
			if len(set.keys) == maxKeys {
				return errors.New("too many keys")
			}
			if k, ok := readKey(element); ok {
				set.keys = append(set.keys, k)
			}
			return nil
		})
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, errors.New("not a JWK Set")
	}
	return &set, nil
}

// readKey reads one key, and reports whether it can verify an ID token.
func readKey(text []byte) (key, bool) {
	k := key{}
	err := ijson.Object(text, 8, func(name, value []byte) (err error) {
		if string(name) == "issuer" {
			k.issuer, err = ijson.String(value)
		}
		return err
	})
	if err != nil {
		return key{}, false
	}
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return key{}, false
	}
	if use, ok := parsed.KeyUsage(); ok && use != "sig" {
		return key{}, false
	}
	if err := jwk.Export(parsed, &k.public); err != nil {
		return key{}, false
	}
	k.kid, _ = parsed.KeyID()
	if alg, ok := parsed.Algorithm(); ok {
		k.alg = alg.String()
	}
	switch public := k.public.(type) { // private and symmetric keys are of other types
	case *rsa.PublicKey: // a very long one makes verification slow
		return k, public.N.BitLen() >= 2048 && public.N.BitLen() <= 8192
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return k, true
	}
	return key{}, false
}
