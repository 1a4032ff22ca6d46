package accesstoken_test

import (
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit/accesstoken"
)

// A resource server that shares the HMAC secret with the auth server.
func ExampleNewVerifier() {
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err) // the secret is too short, for instance
	}
	verifier, err := accesstoken.NewVerifier(keys, "myauth", "myauth", nil)
	if err != nil {
		panic(err)
	}

	// What the auth server does.
	signer, err := accesstoken.NewSigner(keys, "myauth", "myauth")
	if err != nil {
		panic(err)
	}
	now := time.Now()
	token, err := signer.Sign(accesstoken.Claims{
		Subject: "0192…", SessionID: "s1", TokenID: "t1", Roles: []string{"admin"},
		IssuedAt: now, ExpiresAt: now.Add(30 * time.Minute),
	})
	if err != nil {
		panic(err)
	}

	claims, err := verifier.Verify(token)
	fmt.Println(claims.Subject, claims.Roles, err)
	_, err = verifier.Verify(token + "x")
	fmt.Println(errors.Is(err, accesstoken.ErrInvalid))

	// Output:
	// 0192… [admin] <nil>
	// true
}

// A new key takes over without a restart and without a refused token.
func ExampleKeyring() {
	key := func(kid, secret string) *accesstoken.Key {
		k, err := accesstoken.HMACKey(accesstoken.HS256, kid, []byte(secret))
		if err != nil {
			panic(err)
		}
		return k
	}
	keys, err := accesstoken.NewKeyring(key("2026-10", "the secret of October, 32 bytes or more"))
	if err != nil {
		panic(err)
	}
	// Publish it everywhere first, so that its tokens are accepted everywhere.
	fmt.Println(keys.Publish(key("2026-11", "the secret of November, 32 bytes or more")))
	// Then sign with it. The old one still verifies.
	fmt.Println(keys.Promote("2026-11"))
	// When the last old token has expired:
	fmt.Println(keys.Retire("2026-10"))
	fmt.Println(keys)

	// Output:
	// <nil>
	// <nil>
	// <nil>
	// keyring[HS256 key "2026-11" [redacted]]
}

// Tokens for another use get another typ and a key of their own.
func ExampleKeyring_Derive() {
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	invitations := keys.Derive("invitation")
	token, err := invitations.Sign("invitation+jwt", []byte(`{"to":"ada@example.org"}`))
	if err != nil {
		panic(err)
	}
	payload, err := invitations.Verify("invitation+jwt", token)
	fmt.Println(string(payload), err)
	_, err = keys.Verify("invitation+jwt", token)
	fmt.Println(err)

	// Output:
	// {"to":"ada@example.org"} <nil>
	// accesstoken: the token is not valid: the signature is wrong
}
