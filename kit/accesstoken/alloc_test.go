//go:build !race

package accesstoken_test

import (
	"testing"

	"myauth.internal/kit/accesstoken"
)

// Every request of a logged-in user verifies, and every refresh signs: a hidden allocation
// shows here. The race detector makes the pool of HMACs forget some of them: make bench and the last
// step of make test run this without.
func TestAllocations(t *testing.T) {
	keys := must(accesstoken.NewKeyring(hmacKey("k1", secret)))
	c := claims()
	c.ClientID, c.Roles, c.AMR, c.Extra = "api", nil, []string{"pwd"}, nil // of a login with the defaults
	signer, verifier := newSigner(keys), newVerifier(keys)
	token := must(signer.Sign(c))
	if n := testing.AllocsPerRun(100, func() { _, _ = signer.Sign(c) }); n > 3 {
		t.Errorf("%v allocations to sign a token, want at most 3", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = verifier.Verify(token) }); n > 6 {
		t.Errorf("%v allocations to verify a token, want at most 6", n)
	}
	// A forgery with a wrong key id costs no cryptography.
	forged := forge(`{"alg":"HS256","typ":"at+jwt","kid":"k2"}`, payload, secret)
	if n := testing.AllocsPerRun(100, func() { _, _ = verifier.Verify(forged) }); n > 4 {
		t.Errorf("%v allocations to refuse a token, want at most 4", n)
	}
}
