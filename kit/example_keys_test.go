package kit_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// A key can be replaced while the Service runs. No user is logged out, and every token stays
// valid until it expires.
func ExampleNew_keyRotation() {
	ctx := context.Background()
	key := func(kid string, seed byte) *accesstoken.Key {
		private := ed25519.NewKeyFromSeed([]byte{31: seed}) // an application reads it with accesstoken.ParsePEM
		k, err := accesstoken.NewKey(accesstoken.EdDSA, kid, private)
		if err != nil {
			panic(err)
		}
		return k
	}
	october, november := key("2026-10", 1), key("2026-11", 2)
	keys, err := accesstoken.NewKeyring(october)
	if err != nil {
		panic(err)
	}
	store := memstore.New()
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})

	if err != nil {
		panic(err)
	}
	registerAda(svc)
	old := loginAda(svc)
	accepted := func(t kit.TokenPair) bool {
		_, _, err := svc.Authenticate(ctx, string(t.AccessToken))
		return err == nil
	}

	// A program has a goroutine that calls Advance at the time that it returned.
	now := time.Now()
	rotation, err := accesstoken.NewRotation(keys, accesstoken.KeySetMaxAge, svc.KeyLifetime())
	if err != nil {
		panic(err)
	}
	at := func(now time.Time) {
		if _, _, err := rotation.Advance(now); err != nil {
			panic(err)
		}
		fmt.Println(keys.IDs())
	}
	// The next key is in the JWK Set, and signs once all who check tokens have read it.
	if _, err := rotation.Rotate(november, now); err != nil {
		panic(err)
	}
	at(now)
	at(now.Add(5 * time.Minute))
	young := loginAda(svc)
	fmt.Println("during the rotation:", accepted(old), accepted(young))
	// The old one leaves when the last link of a verification mail that it signed is over.
	at(now.Add(5*time.Minute + 24*time.Hour))
	at(now.Add(10*time.Minute + 24*time.Hour))
	fmt.Println("after it:", accepted(old), accepted(young))
	// Sessions do not depend on keys: the old one gets a new access token.
	renewed, err := svc.Refresh(ctx, string(old.RefreshToken))
	if err != nil {
		panic(err)
	}
	fmt.Println("renewed:", accepted(renewed))
	// Output:
	// [2026-10 2026-11]
	// [2026-11 2026-10]
	// during the rotation: true true
	// [2026-11 2026-10]
	// [2026-11]
	// after it: false true
	// renewed: true
}
