package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jws"

	"myauth.internal/kit/ijson"
)

// maxToken bounds an ID token, in bytes.
const maxToken = 16 << 10

// base64url is without padding, and one text for one value.
var base64url = base64.RawURLEncoding.Strict()

// header is the header of an ID token.
type header struct{ alg, kid string }

// split returns the header and the text of the claims of a JWS in compact form (RFC 7515, section 7.1). It
// verifies nothing.
func split(token string) (header, []byte, error) {
	if len(token) > maxToken {
		return header{}, nil, RefusedError{"it is too large"}
	}
	first, rest, _ := strings.Cut(token, ".")
	second, third, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(third, ".") {
		return header{}, nil, RefusedError{"it is not a signed JWT of three parts"}
	}
	if strings.ContainsAny(token, "\r\n") { // which package base64 skips
		return header{}, nil, RefusedError{"it has line breaks"}
	}
	text, err := base64url.DecodeString(first)
	if err != nil {
		return header{}, nil, RefusedError{"its header is not base64url"}
	}
	h, err := readHeader(text)
	if err != nil {
		return header{}, nil, err
	}
	claims, err := base64url.DecodeString(second)
	if err != nil {
		return header{}, nil, RefusedError{"its claims are not base64url"}
	}
	return h, claims, nil
}

func readHeader(text []byte) (header, error) {
	var h header
	var refused error
	err := ijson.Object(text, 8, func(name, value []byte) (err error) {
		switch string(name) {
		case "alg":
			h.alg, err = ijson.String(value)
		case "kid":
			h.kid, err = ijson.String(value)
		case "typ":
			var typ string
			if typ, err = ijson.String(value); err == nil && !strings.EqualFold(typ, "JWT") {
				refused = RefusedError{"its typ is not JWT"}
			}
		case "crit", "b64":
			refused = RefusedError{"its header has extensions that must be understood"}
		}
		return err
	})
	switch _, supported := algorithms[h.alg]; {
	case err != nil:
		return header{}, RefusedError{"its header is not valid"}
	case refused != nil:
		return header{}, refused
	case strings.EqualFold(h.alg, "none"):
		return header{}, RefusedError{"it is not signed: its alg is none"}
	case strings.HasPrefix(h.alg, "HS"):
		return header{}, RefusedError{"its alg is symmetric"}
	case !supported:
		return header{}, RefusedError{"its alg is not supported"}
	}
	return h, nil
}

var (
	errNoKey     = RefusedError{"no key of the provider has its kid and alg"}
	errSignature = RefusedError{"its signature is wrong"}
)

// verify returns the key that has signed the token.
func (s *keySet) verify(token string, h header) (key, error) {
	result := errNoKey
	for _, k := range s.keys {
		if !k.suits(h.alg) || h.kid != "" && k.kid != h.kid {
			continue
		}
		if _, err := jws.Verify([]byte(token), jws.WithKey(algorithms[h.alg], k.public)); err == nil {
			return k, nil
		}
		result = errSignature
	}
	return key{}, result
}

// verified returns the text of the claims of a token that the provider has signed, and the key. A
// token that no known key has signed may be one of a new key: that is one request a minute.
func (i *Issuer) verified(ctx context.Context, token string) ([]byte, key, error) {
	h, claims, err := split(token)
	if err != nil {
		return nil, key{}, err
	}
	m, err := i.Metadata(ctx)
	if err != nil {
		return nil, key{}, err
	}
	if !slices.Contains(m.Algorithms, h.alg) {
		return nil, key{}, RefusedError{"its alg is none of those that the provider names"}
	}
	set, err := i.keys.get(ctx, nil)
	if err != nil {
		return nil, key{}, err
	}
	k, err := set.verify(token, h)
	if err != nil {
		newer, failed := i.keys.get(ctx, set)
		switch {
		case failed != nil:
			return nil, key{}, failed
		case newer != set:
			k, err = newer.verify(token, h)
		}
	}
	if err != nil {
		return nil, key{}, err
	}
	return claims, k, nil
}

// unavailable makes an error wrap ErrUnavailable, unless it does.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return &unavailableError{err}
}

type unavailableError struct{ err error }

func (e *unavailableError) Error() string   { return ErrUnavailable.Error() + ": " + e.err.Error() }
func (e *unavailableError) Unwrap() []error { return []error{ErrUnavailable, e.err} }
