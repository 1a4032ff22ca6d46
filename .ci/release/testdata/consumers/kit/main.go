// A resource server: it checks access tokens, and has no store.
package main

import (
	"fmt"
	"log"
	"time"

	"myauth.internal/kit/accesstoken"
)

func main() {
	keys, err := accesstoken.HMAC([]byte("a secret of the application, 32 bytes or more"))
	if err != nil {
		log.Fatal(err)
	}
	signer, err := accesstoken.NewSigner(keys, "myauth", "myauth")
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := accesstoken.NewVerifier(keys, "myauth", "myauth", nil)
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now()
	token, err := signer.Sign(accesstoken.Claims{Subject: "ada", SessionID: "s", TokenID: "t", ClientID: "c", IssuedAt: now, ExpiresAt: now.Add(time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := verifier.Verify(token)
	fmt.Println(claims.Subject, err)
}
