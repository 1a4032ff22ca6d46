package kit_test

import (
	"context"
	"crypto/ed25519"
	"fmt"

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

	// 1. Add the new key: it is in the JWK Set, and signs nothing yet. Wait until
	// every resource server has read the set.
	if err := keys.Replace(october, november); err != nil {
		panic(err)
	}
	// 2. Sign with it. Wait for the lifetime of the longest-lived token that the old one
	// has signed, which is Options.EmailVerificationTTL.
	if err := keys.Replace(november, october); err != nil {
		panic(err)
	}
	young := loginAda(svc)
	fmt.Println("during the rotation:", accepted(old), accepted(young))
	// 3. Take the old one out.
	if err := keys.Replace(november); err != nil {
		panic(err)
	}
	fmt.Println("after it:", accepted(old), accepted(young))
	// Sessions do not depend on keys: the old one gets a new access token.
	renewed, err := svc.Refresh(ctx, string(old.RefreshToken))
	if err != nil {
		panic(err)
	}
	fmt.Println("renewed:", accepted(renewed))
	// Output:
	// during the rotation: true true
	// after it: false true
	// renewed: true
}
