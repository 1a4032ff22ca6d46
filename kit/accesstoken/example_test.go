package accesstoken_test

import (
	"encoding/json"
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
		Subject: "0192…", SessionID: "s1", TokenID: "t1", ClientID: "web", Roles: []string{"admin"},
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

// The claims of the application travel in the token, and a resource server reads them into a
// struct of its own.
func ExampleClaims_extra() {
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	signer, err := accesstoken.NewSigner(keys, "myauth", "myauth")
	if err != nil {
		panic(err)
	}
	verifier, err := accesstoken.NewVerifier(keys, "myauth", "myauth", nil)
	if err != nil {
		panic(err)
	}
	now := time.Now()
	token, err := signer.Sign(accesstoken.Claims{
		Subject: "0192…", SessionID: "s1", TokenID: "t1", ClientID: "web", IssuedAt: now, ExpiresAt: now.Add(30 * time.Minute),
		AuthTime: now.Add(-5 * time.Minute), AMR: []string{"pwd"},
		Extra: []byte(`{"tenant":"acme"}`), // json.Marshal makes it of a struct or a map
	})
	if err != nil {
		panic(err)
	}

	claims, err := verifier.Verify(token)
	if err != nil {
		panic(err)
	}
	var own struct {
		Tenant string `json:"tenant"`
	}
	if claims.Extra != nil {
		err = json.Unmarshal(claims.Extra, &own)
	}
	recent := !claims.AuthTime.IsZero() && time.Since(claims.AuthTime) < 10*time.Minute
	fmt.Println(own.Tenant, recent, claims.AMR, err)
	// Output: acme true [pwd] <nil>
}

// Tokens for another use get another typ, and with it another key.
func ExampleKeyring_Sign() {
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	token, err := keys.Sign("invitation+jwt", []byte(`{"to":"ada@example.org"}`))
	if err != nil {
		panic(err)
	}
	payload, err := keys.Verify("invitation+jwt", token)
	fmt.Println(string(payload), err)
	_, err = keys.Verify("password-reset+jwt", token)
	fmt.Println(err)

	// Output:
	// {"to":"ada@example.org"} <nil>
	// accesstoken: the token is not valid: its typ is another one
}
