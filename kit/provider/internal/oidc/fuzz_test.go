package oidc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// What is taken for a token has one text, and its header and claims are what encoding/json reads.
func FuzzToken(f *testing.F) {
	enc := base64.RawURLEncoding.EncodeToString
	for _, h := range []string{`{"alg":"RS256","kid":"1","typ":"JWT"}`, `{"alg":"none"}`, `{"alg":"HS256"}`, `{"alg":"EdDSA","crit":["exp"]}`, `{"alg":"ES256","alg":"none"}`} {
		f.Add(enc([]byte(h)) + "." + enc([]byte(`{"iss":"https://id.example","sub":"1","aud":["a"],"exp":1,"iat":1,"nonce":"n"}`)) + ".AA")
	}
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn1.AA")
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0=.AA")
	f.Add("eyJhbGciOiJQUzI1NiIgfR.e30.AA") // bits behind the last byte
	f.Fuzz(func(t *testing.T, token string) {
		h, claims, err := split(token)
		if err != nil {
			if !errors.As(err, &RefusedError{}) {
				t.Errorf("%v", err)
			}
			return
		}
		parts := strings.Split(token, ".")
		text, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil || len(parts) != 3 || enc(text) != parts[0] || enc(claims) != parts[1] {
			t.Errorf("%q is taken", token)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil || fields["alg"] != h.alg || fields["crit"] != nil || algorithms[h.alg].IsSymmetric() {
			t.Errorf("the header %q is taken: %v", text, err)
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"iss":"https://id.example","sub":"1","aud":["a"],"azp":"a","exp":1,"iat":1,"nbf":1,"nonce":"n","email_verified":"true"}`))
	f.Add([]byte(`{"sub":"1","sub":"2"}`))
	f.Add([]byte(`{"sub":"1","exp":1e3,"aud":"a"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := readClaims(text)
		if err != nil {
			return
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil || fields["sub"] != c.Subject {
			t.Errorf("%q is taken: %v", text, err)
		}
		if c.checkTimes(time.Unix(1000, 0)) == nil && c.Expires.Before(time.Unix(940, 0)) {
			t.Errorf("%q is good until %v", text, c.Expires)
		}
		if c.checkAudience(Want{Audiences: []string{"a"}}) == nil && !strings.Contains(string(text), `"a"`) && !strings.Contains(string(text), `\u0061`) {
			t.Errorf("%q is for a", text)
		}
		if c.checkNonce([]string{"n"}) == nil && fields["nonce"] != "n" {
			t.Errorf("%q has the nonce", text)
		}
	})
}
