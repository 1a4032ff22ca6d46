package accesstoken_test

import (
	"testing"

	"myauth.internal/kit/accesstoken"
)

// Of these allocations, eight are the HMAC's. A hidden one more on the path of every
// request shows here.
func TestVerifyAllocations(t *testing.T) {
	keys := must(accesstoken.NewKeyring(hmacKey("k1", secret)))
	verifier, token := newVerifier(keys), must(newSigner(keys).Sign(claims()))
	if n := testing.AllocsPerRun(100, func() { _, _ = verifier.Verify(token) }); n > 17 {
		t.Errorf("%v allocations to verify a token, want at most 17", n)
	}
	// A forgery with a wrong key id costs no cryptography.
	forged := forge(`{"alg":"HS256","typ":"at+jwt","kid":"k2"}`, payload, secret)
	if n := testing.AllocsPerRun(100, func() { _, _ = verifier.Verify(forged) }); n > 4 {
		t.Errorf("%v allocations to refuse a token, want at most 4", n)
	}
}
