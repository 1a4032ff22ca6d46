package accesstoken_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"time"

	"myauth.internal/kit/accesstoken"
)

// A resource server has the public key only: it can check tokens and make none.
func ExampleNewKey() {
	private := ed25519.NewKeyFromSeed(make([]byte, 32)) // an example's key; never use it
	signing, err := accesstoken.NewKey(accesstoken.EdDSA, "2026-11", private)
	if err != nil {
		panic(err)
	}
	authServer, err := accesstoken.NewKeyring(signing)
	if err != nil {
		panic(err)
	}
	signer, err := accesstoken.NewSigner(authServer, "myauth", "myauth")
	if err != nil {
		panic(err)
	}
	now := time.Now()
	token, err := signer.Sign(accesstoken.Claims{
		Subject: "0192…", SessionID: "s1", TokenID: "t1", ClientID: "web", IssuedAt: now, ExpiresAt: now.Add(30 * time.Minute),
	})
	if err != nil {
		panic(err)
	}

	public, err := accesstoken.NewKey(accesstoken.EdDSA, "2026-11", private.Public())
	if err != nil {
		panic(err)
	}
	resourceServer, err := accesstoken.NewKeyring(nil, public)
	if err != nil {
		panic(err)
	}
	verifier, err := accesstoken.NewVerifier(resourceServer, "myauth", "myauth", nil)
	if err != nil {
		panic(err)
	}
	claims, err := verifier.Verify(token)
	fmt.Println(claims.Subject, err)
	fmt.Println(resourceServer.CanSign())

	// Others get the public key from the JWK Set, which package httpx serves.
	var set struct {
		Keys []struct{ Kty, Crv, Alg, Use, Kid string }
	}
	if err := json.Unmarshal(authServer.JWKS(), &set); err != nil {
		panic(err)
	}
	fmt.Println(set.Keys)
	// Output:
	// 0192… <nil>
	// false
	// [{OKP Ed25519 EdDSA sig 2026-11}]
}

// The usual way of a private key into a program is a PEM file. Without a key id the
// key is named by its thumbprint, the same on every instance.
func ExampleParsePEM() {
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		panic(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}) // os.ReadFile, elsewhere
	key, err := accesstoken.ParsePEM(accesstoken.EdDSA, "", text)
	if err != nil {
		panic(err)
	}
	fmt.Println(key.Algorithm(), key.CanSign(), len(key.ID()))
	_, err = accesstoken.ParsePEM(accesstoken.RS256, "", text)
	fmt.Println(err != nil)
	// Output:
	// EdDSA true 43
	// true
}
