package accesstoken_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"myauth.internal/kit/accesstoken"
)

// Another implementation reads our tokens with our JWK Set.
func TestJWXReadsOurTokens(t *testing.T) {
	all := asymmetricKeys()
	ring := must(accesstoken.NewKeyring(all[0], all[1], all[2]))
	set := must(jwk.Parse(ring.JWKS()))
	if set.Len() != len(all) {
		t.Fatalf("jwx finds %d keys, want %d", set.Len(), len(all))
	}
	for _, key := range all {
		token := must(newSigner(must(accesstoken.NewKeyring(key))).Sign(claims()))
		parsed, err := jwt.ParseString(token, jwt.WithKeySet(set), jwt.WithIssuer("myauth"), jwt.WithAudience("api"),
			jwt.WithClock(jwt.ClockFunc(func() time.Time { return noon })))
		if err != nil {
			t.Errorf("%v: %v", key, err)
			continue
		}
		if subject, _ := parsed.Subject(); subject != claims().Subject {
			t.Errorf("%v: the subject is %q", key, subject)
		}
	}
}

// Our verifier reads another implementation's tokens, with its JWK Set, as far as
// they keep to our profile.
func TestWeReadTokensOfJWX(t *testing.T) {
	for _, test := range []struct {
		alg jwa.SignatureAlgorithm
		key any
	}{
		{jwa.RS256(), rsaKey()},
		{jwa.ES256(), ecKey()},
		{jwa.EdDSA(), edKey()},
	} {
		private := must(jwk.Import(test.key))
		public := must(private.PublicKey())
		for name, value := range map[string]any{jwk.KeyIDKey: "k", jwk.AlgorithmKey: test.alg, jwk.KeyUsageKey: "sig"} {
			if err := public.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
		set := jwk.NewSet()
		if err := set.AddKey(public); err != nil {
			t.Fatal(err)
		}
		headers := jws.NewHeaders()
		for name, value := range map[string]string{jws.TypeKey: "at+jwt", jws.KeyIDKey: "k"} {
			if err := headers.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
		token := must(jws.Sign([]byte(payload), jws.WithKey(test.alg, test.key, jws.WithProtectedHeaders(headers))))
		ring := must(accesstoken.NewKeyring(nil, must(accesstoken.ParseJWKS(must(json.Marshal(set))))...))
		got, err := newVerifier(ring).Verify(string(token))
		if err != nil || got.Subject != "user-1" {
			t.Errorf("%v: %+v, %v", test.alg, got, err)
		}
	}
}
