//go:build wasip1

package main

import (
	"errors"
	"time"

	"myauth.internal/kit/accesstoken"
)

// identity is what the application learns from a good token, as it is in the headers, and
// when the token is good.
type identity struct {
	subject, session, roles string
	issuedAt, expiresAt     time.Time
}

// maxSeen bounds seen. With tokens of the usual size it takes about a megabyte. The most
// is 15 MB, since a token has at most maxHeader bytes and an identity maxClaims.
const maxSeen = 1024

// seen has the identities of good tokens, by the whole token. Most requests come with a
// token that an earlier one had too, and to compute its signature again would be most of
// the cost of a request: here SHA-256 is slow. The keys of a guest never change, so that
// a signature that was good stays so. No other token gets in, so strangers cannot fill it.
var seen = map[string]identity{}

var errClaimsTooLarge = errors.New("the claims do not fit into the headers")

// identify checks a token. What [accesstoken.Verifier.Verify] says of a token depends on
// the time, and so that is what is checked of one that was good before.
func identify(token string) (identity, error) {
	now := time.Now()
	if id, ok := seen[token]; ok && now.Before(id.expiresAt) && !id.issuedAt.After(now.Add(accesstoken.ClockSkew)) {
		return id, nil
	}
	claims, err := verifier.Verify(token)
	if err != nil {
		return identity{}, err
	}
	id := identity{encode(claims.Subject), encode(claims.SessionID), encode(claims.Roles...), claims.IssuedAt, claims.ExpiresAt}
	if len(id.subject)+len(id.session)+len(id.roles) > maxClaims {
		return identity{}, errClaimsTooLarge
	}
	if len(seen) == maxSeen {
		clear(seen)
	}
	seen[token] = id
	return id, nil
}
