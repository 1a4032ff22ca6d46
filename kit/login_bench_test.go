package kit_test

import (
	"slices"
	"testing"
	"time"

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
	svc, err := kit.New(store.Users(), store.Tokens(), keys, &kit.Options{
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

// BenchmarkLoginRefusals times the refusals that must not be told apart, interleaved
// so that the machine's drift meets all of them alike, and reports each median as a
// ratio to that of a wrong password. Five hundred samples of each: -benchtime=500x.
func BenchmarkLoginRefusals(b *testing.B) {
	svc := benchService(b, 8)
	register := func(email string) kit.User {
		u, err := svc.Register(b.Context(), kit.Registration{Email: email, Username: "a", Password: goodPassword})
		if err != nil {
			b.Fatal(err)
		}
		return u
	}
	register(testEmail)
	if _, err := svc.Deactivate(b.Context(), register("disabled@example.com").ID); err != nil {
		b.Fatal(err)
	}
	for email, hash := range map[string]kit.PasswordHash{"corrupt@example.com": "$2b$08$???", "empty@example.com": ""} {
		if _, err := svc.Import(b.Context(), kit.User{Email: email, Username: "a", PasswordHash: hash, Active: true}); err != nil {
			b.Fatal(err)
		}
	}
	classes := []string{testEmail, "nobody@example.com", "disabled@example.com", "corrupt@example.com", "empty@example.com"}
	samples := make([][]time.Duration, len(classes))
	for b.Loop() {
		for i, email := range classes {
			began := time.Now()
			if _, err := svc.Login(b.Context(), email, "Wr0ng!Passw0rd"); err != kit.ErrInvalidCredentials {
				b.Fatal(err)
			}
			samples[i] = append(samples[i], time.Since(began))
		}
	}
	median := func(s []time.Duration) float64 {
		slices.Sort(s)
		return float64(s[len(s)/2])
	}
	known := median(samples[0])
	for i, name := range []string{"", "unknown", "disabled", "corrupt", "empty"} {
		if i > 0 {
			b.ReportMetric(median(samples[i])/known, name+"/wrong")
		}
	}
}
