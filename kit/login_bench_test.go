package kit_test

import (
	"testing"

	"golang.org/x/crypto/bcrypt"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// benchService is a Service over memory at the given cost, without mail and log.
func benchService(b *testing.B, cost int) *kit.Service {
	b.Helper()
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		b.Fatal(err)
	}
	store := memstore.New()
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: cost, InsecureFastHash: true, OnEvent: discardEvents,
	})

	if err != nil {
		b.Fatal(err)
	}
	return svc
}

// BenchmarkLogin shows what a login costs beside bcrypt itself.
func BenchmarkLogin(b *testing.B) {
	b.Run("myauth", func(b *testing.B) {
		svc := benchService(b, 4)
		if _, err := svc.Register(b.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := svc.Login(b.Context(), testEmail, goodPassword); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bcrypt", func(b *testing.B) {
		hash, err := bcrypt.GenerateFromPassword([]byte(goodPassword), 4)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := bcrypt.CompareHashAndPassword(hash, []byte(goodPassword)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
