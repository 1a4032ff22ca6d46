package accesstoken

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	golang "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxt "github.com/lestrrat-go/jwx/v3/jwt"

	"myauth.internal/kit/accesstoken"
)

const issuer, audience = "https://auth.example.org", "https://api.example.org"

var secret = []byte("a secret of exactly 32 bytes ...")

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func claims() accesstoken.Claims {
	now := time.Now()
	return accesstoken.Claims{
		Subject: "019326a4-55c2-7c3e-9a0e-0b1f2d3c4b5a", SessionID: "fT9sXq2LrV8cJm4wYb7ZdA", TokenID: "Qk3nWp8sRz5xVb1mHt6cGy", ClientID: "web",
		Roles: []string{"user", "editor"}, Epoch: 3, IssuedAt: now, ExpiresAt: now.Add(30 * time.Minute),
	}
}

// golangClaims is a fixed struct, the fastest that golang-jwt can do.
type golangClaims struct {
	golang.RegisteredClaims
	ClientID  string   `json:"client_id"`
	SessionID string   `json:"sid"`
	Roles     []string `json:"roles"`
	Epoch     int64    `json:"epoch"`
}

// algorithm is one algorithm, with the key in the form of each library.
type algorithm struct {
	key     *accesstoken.Key
	verify  any
	sign    any
	golang  golang.SigningMethod
	jwx     jwa.SignatureAlgorithm
	keyring *accesstoken.Keyring
}

func algorithms() []algorithm {
	r := must(rsa.GenerateKey(rand.Reader, 2048))
	e := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	d := ed25519.NewKeyFromSeed(secret)
	list := []algorithm{
		{must(accesstoken.NewKey(accesstoken.HS256, "k1", secret)), secret, secret, golang.SigningMethodHS256, jwa.HS256(), nil},
		{must(accesstoken.NewKey(accesstoken.RS256, "", r)), r.Public(), r, golang.SigningMethodRS256, jwa.RS256(), nil},
		{must(accesstoken.NewKey(accesstoken.ES256, "", e)), e.Public(), e, golang.SigningMethodES256, jwa.ES256(), nil},
		{must(accesstoken.NewKey(accesstoken.EdDSA, "", d)), d.Public(), d, golang.SigningMethodEdDSA, jwa.EdDSA(), nil},
	}
	for i := range list {
		list[i].keyring = must(accesstoken.NewKeyring(list[i].key))
	}
	return list
}

// verifiers returns each library's way to verify a token.
func (a algorithm) verifiers() map[string]func(token string) error {
	verifier := must(accesstoken.NewVerifier(a.keyring, issuer, audience, nil))
	parser := golang.NewParser(golang.WithValidMethods([]string{a.golang.Alg()}), golang.WithIssuer(issuer),
		golang.WithAudience(audience), golang.WithExpirationRequired(), golang.WithIssuedAt(), golang.WithStrictDecoding())
	keyFunc := func(*golang.Token) (any, error) { return a.verify, nil }
	return map[string]func(string) error{
		"myauth": func(token string) error {
			_, err := verifier.Verify(token)
			return err
		},
		"golang-jwt": func(token string) error {
			_, err := parser.ParseWithClaims(token, new(golangClaims), keyFunc)
			return err
		},
		"jwx": func(token string) error {
			_, err := jwxt.ParseString(token, jwxt.WithKey(a.jwx, a.verify), jwxt.WithIssuer(issuer), jwxt.WithAudience(audience),
				jwxt.WithRequiredClaim("exp"))
			return err
		},
	}
}

var libraries = []string{"myauth", "golang-jwt", "jwx"}

func BenchmarkVerify(b *testing.B) {
	for _, a := range algorithms() {
		token := must(must(accesstoken.NewSigner(a.keyring, issuer, audience)).Sign(claims()))
		verifiers := a.verifiers()
		for _, library := range libraries {
			b.Run(a.golang.Alg()+"/"+library, func(b *testing.B) {
				verify := verifiers[library]
				b.ReportAllocs()
				for b.Loop() {
					if err := verify(token); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for _, a := range algorithms() {
		signer := must(accesstoken.NewSigner(a.keyring, issuer, audience))
		c := claims()
		b.Run(a.golang.Alg()+"/myauth", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signer.Sign(c); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(a.golang.Alg()+"/golang-jwt", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t := golang.NewWithClaims(a.golang, golangClaims{
					RegisteredClaims: golang.RegisteredClaims{
						Issuer: issuer, Audience: golang.ClaimStrings{audience}, Subject: c.Subject, ID: c.TokenID,
						IssuedAt: golang.NewNumericDate(c.IssuedAt), ExpiresAt: golang.NewNumericDate(c.ExpiresAt),
					},
					ClientID: c.ClientID, SessionID: c.SessionID, Roles: c.Roles, Epoch: c.Epoch,
				})
				if _, err := t.SignedString(a.sign); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
