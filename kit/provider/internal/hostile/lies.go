package hostile

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Lie is one way in which an ID token is not to be believed.
type Lie struct {
	Name string
	// Nonce: the token may be honest, but is that of another login.
	Nonce bool
	Tell  func(*Script)
}

// Lies are all those that are refused by a client that [Script.ClientID] names and nobody else.
func Lies() []Lie {
	claim := func(name string, value any) func(*Script) {
		return func(s *Script) {
			s.Claims = maps.Clone(s.Claims)
			if s.Claims == nil {
				s.Claims = JSON{}
			}
			s.Claims[name] = value
		}
	}
	at := func(name string, after time.Duration) func(*Script) {
		return func(s *Script) { claim(name, s.Now().Add(after).Unix())(s) }
	}
	header := func(name string, value any) func(*Script) {
		return func(s *Script) { s.Header = JSON{name: value} }
	}
	alg := func(name string) func(*Script) { return func(s *Script) { s.Alg = name } }
	return []Lie{
		{"nonce wrong", true, claim("nonce", "another")},
		{"nonce missing", true, claim("nonce", nil)},
		{"nonce empty", true, claim("nonce", "")},
		{"nonce of another type", false, claim("nonce", 1)},
		{"aud of another client", false, claim("aud", "another")},
		{"aud missing", false, claim("aud", nil)},
		{"aud empty", false, claim("aud", []string{})},
		{"aud of several clients without azp", false, func(s *Script) { claim("aud", []string{s.ClientID, "another"})(s) }},
		{"aud of many, and azp", false, func(s *Script) {
			claim("aud", append(slices.Repeat([]string{"another"}, 40), s.ClientID))(s)
			claim("azp", s.ClientID)(s)
		}},
		{"azp of another client", false, claim("azp", "another")},
		{"iss of another", false, claim("iss", "https://evil.example.test")},
		{"iss with a slash", false, func(s *Script) { claim("iss", s.Issuer+"/")(s) }},
		{"iss missing", false, claim("iss", nil)},
		{"exp in the past", false, at("exp", -2*time.Minute)},
		{"exp a minute ago", false, at("exp", -time.Minute)},
		{"exp missing", false, claim("exp", nil)},
		{"exp a string", false, claim("exp", "9999999999")},
		{"exp in 250 years", false, at("exp", 250*365*24*time.Hour)},
		{"iat in the future", false, at("iat", 2*time.Minute)},
		{"iat in the future, nbf not", false, func(s *Script) {
			at("iat", 2*time.Minute)(s)
			at("nbf", 0)(s)
		}},
		{"iat missing", false, claim("iat", nil)},
		{"nbf in the future", false, at("nbf", 2*time.Minute)},
		{"sub missing", false, claim("sub", nil)},
		{"sub empty", false, claim("sub", "")},
		{"sub too long", false, claim("sub", strings.Repeat("s", 256))},
		{"sub not ASCII", false, claim("sub", "zoë")},
		{"sub with a control character", false, claim("sub", "a\nb")},
		{"sub a number", false, claim("sub", 12)},
		{"alg none", false, alg("none")},
		{"alg none in capitals", false, func(s *Script) { s.Alg = "none"; s.Header = JSON{"alg": "NONE"} }},
		{"alg HS256 with the client secret", false, alg("HS256")},
		{"alg of another kind of key", false, header("alg", "ES256")},
		{"alg missing", false, header("alg", nil)},
		{"kid unknown", false, header("kid", "unknown")},
		{"kid of another key", false, header("kid", "1-ec")},
		{"crit", false, header("crit", []string{"exp"})},
		{"typ of an access token", false, header("typ", "at+jwt")},
		{"signature missing", false, func(s *Script) { s.Sign = func(string) []byte { return nil } }},
		{"signature wrong", false, func(s *Script) { s.Sign = func(string) []byte { return make([]byte, 256) } }},
		{"a claim twice", false, func(s *Script) {
			s.Rewrite = func(claims string) string { return `{"sub":"victim",` + claims[1:] }
		}},
		{"too large", false, claim("filler", strings.Repeat("x", 64<<10))},
	}
}
