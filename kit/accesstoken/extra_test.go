package accesstoken_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/accesstoken"
)

// Members of Extra come back as they were; what a text between them could smuggle in is
// refused.
func TestExtra(t *testing.T) {
	keys := must(accesstoken.HMAC(secret))
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for extra, want := range map[string]string{
		``:                                       ``,
		` `:                                      `refused`,
		`{}`:                                     ``,
		`{"a":1,"b":[1.50,"<\u0041>"],"c":null}`: `{"a":1,"b":[1.50,"<\u0041>"],"c":null}`,
		` { "b" : { "x": 1 } , "a" : "" } `:      `{"b":{ "x": 1 },"a":""}`,
		`{"email":"ada@example.org","SUB":1}`:    `{"email":"ada@example.org","SUB":1}`,
		`{"x":{"sub":"eve"}}`:                    `{"x":{"sub":"eve"}}`,
		`{"":"empty"}`:                           `{"":"empty"}`,
		`{"a":` + deep(15) + `}`:                 `{"a":` + deep(15) + `}`,
		`{"a":` + deep(16) + `}`:                 `refused`,
		`{"sub":"eve"}`:                          `refused`,
		`{"su\u0062":"eve"}`:                     `refused`,
		`{"scope":"all"}`:                        `refused`,
		`{"a":1,"a":2}`:                          `refused`,
		`{"a":1}}`:                               `refused`,
		`{"a":1},"b":{}`:                         `refused`,
		`{"a":"` + "\xff" + `"}`:                 `refused`,
		`["a"]`:                                  `refused`,
		`null`:                                   `refused`,
	} {
		c := claims()
		c.Extra = []byte(extra)
		token, err := newSigner(keys).Sign(c)
		if (err != nil) != (want == "refused") {
			t.Errorf("%s: %v", extra, err)
		}
		if err != nil {
			continue
		}
		got, err := newVerifier(keys).Verify(token)
		if err != nil || string(got.Extra) != want || want == "" && got.Extra != nil {
			t.Errorf("%s came back as %s, %v", extra, got.Extra, err)
		}
	}
}

// Every claim that this package writes is registered: otherwise Extra could write it again.
func TestRegisteredClaims(t *testing.T) {
	for _, m := range members {
		if accesstoken.IsRegisteredClaim(m.name) != (m.name != "tenant") {
			t.Errorf("%s: %v", m.name, accesstoken.IsRegisteredClaim(m.name))
		}
	}
	for _, name := range []string{"nbf", "scope", "acr", "azp", "nonce", "cnf", "act", "authorization_details"} {
		if !accesstoken.IsRegisteredClaim(name) {
			t.Errorf("%s is free", name)
		}
	}
	for _, name := range []string{"", "ISS", "email", "name", "groups", "https://example.org/sub"} {
		if accesstoken.IsRegisteredClaim(name) {
			t.Errorf("%s is registered", name)
		}
	}
}

// A registered claim that this package does not know is no claim of the application.
func TestVerifyIgnoresRegisteredClaims(t *testing.T) {
	got, err := verifyPayload(strings.Replace(payload, `{`, `{"nbf":9e99,"scope":"a b",`, 1))
	if err != nil || string(got.Extra) != `{"tenant":"acme"}` {
		t.Errorf("%s, %v", got.Extra, err)
	}
}

// The claims of one token share nothing with those of another, nor with themselves.
func TestClaimsAreTheCallers(t *testing.T) {
	keys := must(accesstoken.HMAC(secret))
	verifier, token := newVerifier(keys), must(newSigner(keys).Sign(claims()))
	one := must(verifier.Verify(token))
	one.AMR = append(one.AMR[:0], "evil", "evil", "evil", "evil")
	one.Roles = append(one.Roles[:0], "evil", "evil", "evil")
	for i := range one.Extra[:cap(one.Extra)] {
		one.Extra[:cap(one.Extra)][i] = 'x'
	}
	if two := must(verifier.Verify(token)); two.AMR[0] != "pwd" || two.Roles[0] != "admin" || string(two.Extra) != string(claims().Extra) {
		t.Errorf("%+v", two)
	}
}

// Tokens of the servers whose clock is behind that of the one where the user logged in.
func TestAuthTimeAfterIssuedAt(t *testing.T) {
	keys := must(accesstoken.HMAC(secret))
	c := claims()
	c.AuthTime = noon.Add(time.Hour)
	got, err := newVerifier(keys).Verify(must(newSigner(keys).Sign(c)))
	if err != nil || !got.AuthTime.Equal(noon) {
		t.Errorf("%v, %v", got.AuthTime, err)
	}
	c.AuthTime, c.AMR = time.Time{}, nil
	if got, err = newVerifier(keys).Verify(must(newSigner(keys).Sign(c))); err != nil || !got.AuthTime.IsZero() || got.AMR != nil {
		t.Errorf("%v, %v, %v", got.AuthTime, got.AMR, err)
	}
	if _, err = verifyPayload(with("auth_time", `1795435201`)); !errors.Is(err, accesstoken.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

// Those that Verify knows by heart are read like any other.
func TestMethods(t *testing.T) {
	want := []string{"pwd", "otp", "hwk", "swk", "user", "mfa", "sms", "PWD", "fido"}
	got, err := verifyPayload(with("amr", `["pwd","otp","hwk","swk","user","mfa","sms","PWD","\u0066ido"]`))
	if err != nil || !slices.Equal(got.AMR, want) {
		t.Errorf("%q, %v", got.AMR, err)
	}
}
