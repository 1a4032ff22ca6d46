//go:build wasip1

package main

import (
	"time"

	"myauth.internal/kit/accesstoken"
)

// maxVerified bounds verified, which takes a third of a megabyte with tokens of the usual
// size, and five megabytes with the longest.
const maxVerified = 256

// verified has the claims of good tokens. Most requests come with a token that an earlier
// one had too, and to compute its signature again is most of the cost of a request:
// here SHA-256 is slow. The keys of a guest never change, so only time can end what
// was good.
var verified = map[string]accesstoken.Claims{}

// verify is [accesstoken.Verifier.Verify] of verifier.
func verify(token string) (accesstoken.Claims, error) {
	claims, ok := verified[token]
	if ok && time.Now().Before(claims.ExpiresAt) {
		return claims, nil
	}
	claims, err := verifier.Verify(token)
	if err != nil {
		delete(verified, token)
		return claims, err
	}
	if len(verified) == maxVerified {
		clear(verified)
	}
	verified[token] = claims
	return claims, nil
}
