//go:build !race

package kit_test

import (
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// TestAllocations pins what the calls behind most requests allocate over memory; each refresh rotates. What is
// more than before was added here, or in the store. If one needs fewer, lower its number.
// The race detector adds some: make bench and the last step of make test run this without.
func TestAllocations(t *testing.T) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{BcryptCost: 4, InsecureFastHash: true, RefreshGrace: -1, OnEvent: discardEvents})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Register(t.Context(), kit.Registration{Email: testEmail, Username: "Ada", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	tokens, err := svc.Login(t.Context(), testEmail, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	access := string(tokens.AccessToken)
	for _, c := range []struct {
		name string
		most float64
		call func() error
	}{
		{"me", 8, func() error { _, _, err := svc.Authenticate(t.Context(), access); return err }},
		{"refresh", 17, func() (err error) { tokens, err = svc.Refresh(t.Context(), string(tokens.RefreshToken)); return err }},
		{"login", 35, func() error { _, err := svc.Login(t.Context(), testEmail, goodPassword); return err }},
	} {
		var failed error
		n := testing.AllocsPerRun(100, func() {
			if err := c.call(); err != nil {
				failed = err
			}
		})
		if failed != nil || n > c.most {
			t.Errorf("%s: %v allocations, %v, want at most %v", c.name, n, failed, c.most)
		}
	}
}
