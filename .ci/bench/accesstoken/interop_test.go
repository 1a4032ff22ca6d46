package accesstoken

import (
	"crypto"
	"encoding/base64"
	"testing"

	golang "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxt "github.com/lestrrat-go/jwx/v3/jwt"

	"myauth.internal/kit/accesstoken"
)

// Our tokens are read by other libraries, also with the keys of our JWK Set, and
// theirs by us.
func TestInterop(t *testing.T) {
	for _, a := range algorithms() {
		t.Run(a.golang.Alg(), func(t *testing.T) {
			c := claims()
			token := must(must(accesstoken.NewSigner(a.keyring, issuer, audience)).Sign(c))
			for library, verify := range a.verifiers() {
				if err := verify(token); err != nil {
					t.Errorf("%s: %v", library, err)
				}
				if err := verify(token[:len(token)-4] + "AAAA"); err == nil {
					t.Errorf("%s accepts a wrong signature", library)
				}
			}
			if a.key.Algorithm() != accesstoken.HS256 {
				set := must(jwk.Parse(a.keyring.JWKS()))
				parsed, err := jwxt.ParseString(token, jwxt.WithKeySet(set, jws.WithRequireKid(true)))
				if err != nil {
					t.Fatalf("with the JWK Set: %v", err)
				}
				if subject, _ := parsed.Subject(); subject != c.Subject {
					t.Errorf("with the JWK Set: subject %q", subject)
				}
				key, _ := set.Key(0)
				sum := must(key.Thumbprint(crypto.SHA256))
				if kid := base64.RawURLEncoding.EncodeToString(sum); kid != a.key.ID() {
					t.Errorf("thumbprint %s, and ours is %s", kid, a.key.ID())
				}
			}
			golang.MarshalSingleStringAsArray = false // aud as a single string
			theirs := golang.NewWithClaims(a.golang, golangClaims{
				RegisteredClaims: golang.RegisteredClaims{
					Issuer: issuer, Audience: golang.ClaimStrings{audience}, Subject: c.Subject, ID: c.TokenID,
					IssuedAt: golang.NewNumericDate(c.IssuedAt), ExpiresAt: golang.NewNumericDate(c.ExpiresAt),
				}, ClientID: c.ClientID, SessionID: c.SessionID, Roles: c.Roles, Epoch: c.Epoch,
			})
			theirs.Header["typ"], theirs.Header["kid"] = "at+jwt", a.key.ID()
			signed := must(theirs.SignedString(a.sign))
			got, err := must(accesstoken.NewVerifier(a.keyring, issuer, audience, nil)).Verify(signed)
			if err != nil || got.Subject != c.Subject || got.Epoch != c.Epoch {
				t.Errorf("a token of golang-jwt: %+v, %v", got, err)
			}
		})
	}
}
