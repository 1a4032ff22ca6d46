package accesstoken

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"testing"

	golang "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxt "github.com/lestrrat-go/jwx/v3/jwt"

	"myauth.internal/kit/accesstoken"
)

// Our tokens are read by other libraries, also with the keys of our JWK Set, and
// theirs by us, also with the keys of a JWK Set that jwx writes.
func TestInterop(t *testing.T) {
	algorithms := algorithms()
	everyKey := must(accesstoken.NewKeyring(algorithms[0].key, algorithms[1].key, algorithms[2].key, algorithms[3].key))
	set := must(jwk.Parse(everyKey.JWKS()))
	if set.Len() != len(algorithms)-1 { // HS256 has no public key
		t.Errorf("jwx finds %d keys in our JWK Set", set.Len())
	}
	for _, a := range algorithms {
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
			theirs := a.keyring // with the keys as jwx writes them, where they are public
			if a.key.Algorithm() != accesstoken.HS256 {
				parsed, err := jwxt.ParseString(token, jwxt.WithKeySet(set, jws.WithRequireKid(true)))
				if err != nil {
					t.Fatalf("with the JWK Set: %v", err)
				}
				if subject, _ := parsed.Subject(); subject != c.Subject {
					t.Errorf("with the JWK Set: subject %q", subject)
				}
				public := must(jwk.Import(a.verify))
				sum := must(public.Thumbprint(crypto.SHA256))
				if kid := base64.RawURLEncoding.EncodeToString(sum); kid != a.key.ID() {
					t.Errorf("thumbprint %s, and ours is %s", kid, a.key.ID())
				}
				theirs = must(accesstoken.NewKeyring(nil, must(accesstoken.ParseJWKS(a.jwkSet(t, public)))...))
			}
			verifier := must(accesstoken.NewVerifier(theirs, issuer, audience, nil))
			for library, signed := range a.tokens(t, c) {
				got, err := verifier.Verify(signed)
				if err != nil || got.Subject != c.Subject || got.Epoch != c.Epoch {
					t.Errorf("a token of %s: %+v, %v", library, got, err)
				}
			}
		})
	}
}

// jwkSet is a JWK Set of one key, by jwx.
func (a algorithm) jwkSet(t *testing.T, public jwk.Key) []byte {
	set := jwk.NewSet()
	for name, value := range map[string]any{jwk.KeyIDKey: a.key.ID(), jwk.AlgorithmKey: a.jwx, jwk.KeyUsageKey: "sig"} {
		if err := public.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := set.AddKey(public); err != nil {
		t.Fatal(err)
	}
	return must(json.Marshal(set))
}

// tokens returns the token that each library makes of the claims.
func (a algorithm) tokens(t *testing.T, c accesstoken.Claims) map[string]string {
	golang.MarshalSingleStringAsArray = false // aud as a single string
	token := golang.NewWithClaims(a.golang, golangClaims{
		RegisteredClaims: golang.RegisteredClaims{
			Issuer: issuer, Audience: golang.ClaimStrings{audience}, Subject: c.Subject, ID: c.TokenID,
			IssuedAt: golang.NewNumericDate(c.IssuedAt), ExpiresAt: golang.NewNumericDate(c.ExpiresAt),
		}, ClientID: c.ClientID, SessionID: c.SessionID, Roles: c.Roles, Epoch: c.Epoch,
	})
	token.Header["typ"], token.Header["kid"] = "at+jwt", a.key.ID()
	headers := jws.NewHeaders()
	for name, value := range token.Header {
		if name == jws.AlgorithmKey {
			continue
		}
		if err := headers.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	payload := must(json.Marshal(token.Claims))
	return map[string]string{
		"golang-jwt": must(token.SignedString(a.sign)),
		"jwx":        string(must(jws.Sign(payload, jws.WithKey(a.jwx, a.sign, jws.WithProtectedHeaders(headers))))),
	}
}
