package oidc_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/provider/internal/fetch"
	"myauth.internal/kit/provider/internal/hostile"
	"myauth.internal/kit/provider/internal/oidc"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests turn.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// start returns a hostile provider, and a client of it with the same clock.
func start(t testing.TB) (*hostile.Provider, *oidc.Issuer, *clock) {
	c := &clock{noon}
	p := hostile.New(t)
	p.Script(func(s *hostile.Script) { s.Now = c.Now })
	client := fetch.Client(fetch.Options{Transport: p.Transport()})
	return p, oidc.New(oidc.Options{Issuer: p.Issuer, Client: client, Now: c.Now}), c
}

var want = oidc.Want{Audiences: []string{"app", hostile.ClientID}, Nonces: []string{"n-1"}}

func TestVerify(t *testing.T) {
	p, issuer, _ := start(t)
	for _, alg := range []string{"", "RS256", "PS256", "ES256", "EdDSA"} {
		p.Script(func(s *hostile.Script) {
			s.Alg = alg
			s.Claims = hostile.JSON{"email": "ada@example.com", "email_verified": "true", "xms_edov": 1, "hd": false, "n": nil, "list": []string{"x"}}
		})
		c, err := issuer.Verify(t.Context(), p.IDToken(hostile.JSON{"nonce": "n-1"}), want)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		if c.Issuer != p.Issuer || c.Subject != "subject-1" || !c.Expires.Equal(noon.Add(10*time.Minute)) {
			t.Errorf("%s: %+v", alg, c)
		}
		if c.Text("email") != "ada@example.com" || c.Text("list") != "" || c.Text("nothing") != "" || c.Text("xms_edov") != "" {
			t.Errorf("%s: texts", alg)
		}
		if !c.Flag("email_verified") || !c.Flag("xms_edov") || c.Flag("hd") || c.Flag("nothing") || c.Flag("email") || c.Flag("list") {
			t.Errorf("%s: flags", alg)
		}
	}
}

// Every lie is refused, with an error that holds nothing of the token.
func TestLies(t *testing.T) {
	for _, lie := range hostile.Lies() {
		p, issuer, _ := start(t)
		p.Script(lie.Tell)
		token := p.IDToken(hostile.JSON{"nonce": "n-1"})
		c, err := issuer.Verify(t.Context(), token, want)
		var refused oidc.RefusedError
		if lie.Nonce != errors.Is(err, oidc.ErrNonce) || !lie.Nonce && !errors.As(err, &refused) {
			t.Errorf("%s: %v", lie.Name, err)
		}
		if c.Subject != "" || c.Text("iss") != "" {
			t.Errorf("%s: claims come with the error", lie.Name)
		}
		for part := range strings.SplitSeq(token, ".") {
			if err != nil && part != "" && strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error has a part of the token", lie.Name)
			}
		}
	}
}

// What two well-known attacks try is named, for the log.
func TestReasons(t *testing.T) {
	for alg, reason := range map[string]string{"none": "not signed", "HS256": "symmetric"} {
		p, issuer, _ := start(t)
		p.Script(func(s *hostile.Script) { s.Alg = alg })
		if _, err := issuer.Verify(t.Context(), token(p), want); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", alg, err)
		}
		counts(t, p, 0, 0)
	}
}

// What looks odd and is allowed.
func TestOddTokens(t *testing.T) {
	sum := sha256.Sum256([]byte("n-1"))
	for name, test := range map[string]struct {
		script func(*hostile.Script)
		nonce  string
	}{
		"expired within the minute":   {script: claim("exp", noon.Add(-59*time.Second).Unix())},
		"of the future in the minute": {script: claim("iat", noon.Add(time.Minute).Unix())},
		"nbf within the minute":       {script: claim("nbf", noon.Add(time.Minute).Unix())},
		"one audience in a list":      {script: claim("aud", []string{hostile.ClientID})},
		"azp, the audience itself":    {script: claim("azp", hostile.ClientID)},
		"azp, an app":                 {script: claim("azp", "app")},
		"several audiences, with azp": {script: func(s *hostile.Script) {
			s.Claims = hostile.JSON{"aud": []string{"x", hostile.ClientID}, "azp": hostile.ClientID}
		}},
		"the longest subject":    {script: claim("sub", strings.Repeat("~", 255))},
		"a subject with a space": {script: claim("sub", "CN=Ada Lovelace")},
		"typ in lower case":      {script: func(s *hostile.Script) { s.Header = hostile.JSON{"typ": "jwt"} }},
		"typ absent":             {script: func(s *hostile.Script) { s.Header = hostile.JSON{"typ": nil} }},
		"kid absent":             {script: func(s *hostile.Script) { s.Header = hostile.JSON{"kid": nil} }},
		"keys of its own in the header": {script: func(s *hostile.Script) {
			s.Header = hostile.JSON{"jku": "https://evil.example.test", "x5u": "https://evil.example.test"}
		}},
		"the nonce hashed": {script: func(*hostile.Script) {}, nonce: hex.EncodeToString(sum[:])},
	} {
		p, issuer, _ := start(t)
		p.Script(test.script)
		if test.nonce == "" {
			test.nonce = "n-1"
		}
		accepted := want
		accepted.Nonces = []string{"n-1", hex.EncodeToString(sum[:])}
		if _, err := issuer.Verify(t.Context(), p.IDToken(hostile.JSON{"nonce": test.nonce}), accepted); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func claim(name string, value any) func(*hostile.Script) {
	return func(s *hostile.Script) { s.Claims = hostile.JSON{name: value} }
}

// Who wants no nonce gets no token, and an empty one is none.
func TestNoNonceWanted(t *testing.T) {
	p, issuer, _ := start(t)
	for _, nonces := range [][]string{nil, {""}} {
		for _, token := range []string{p.IDToken(nil), p.IDToken(hostile.JSON{"nonce": ""}), p.IDToken(hostile.JSON{"nonce": "x"})} {
			w := want
			w.Nonces = nonces
			if _, err := issuer.Verify(t.Context(), token, w); !errors.Is(err, oidc.ErrNonce) {
				t.Errorf("%q: %v", nonces, err)
			}
		}
	}
}

// Texts that are no token, and tokens that two readers would read in two ways.
func TestMalformed(t *testing.T) {
	p, issuer, _ := start(t)
	good := p.IDToken(hostile.JSON{"nonce": "n-1"})
	parts := strings.Split(good, ".")
	enc := base64.RawURLEncoding.EncodeToString
	for name, token := range map[string]string{
		"empty":                    "",
		"two parts":                parts[0] + "." + parts[1],
		"four parts":               good + ".x",
		"five parts":               good + ".x.y",
		"padding":                  parts[0] + "=." + parts[1] + "." + parts[2],
		"space":                    " " + good,
		"a line":                   good + "\n",
		"header twice alg":         enc([]byte(`{"alg":"none","alg":"RS256","kid":"1"}`)) + "." + parts[1] + "." + parts[2],
		"header alg a list":        enc([]byte(`{"alg":["RS256"],"kid":"1"}`)) + "." + parts[1] + "." + parts[2],
		"header null":              enc([]byte(`null`)) + "." + parts[1] + "." + parts[2],
		"header b64":               enc([]byte(`{"alg":"RS256","kid":"1","b64":true}`)) + "." + parts[1] + "." + parts[2],
		"JSON form":                `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"a line within":            parts[0] + "\n." + parts[1] + "." + parts[2],
		"padding at the end":       good[:len(good)-1] + "=",
		"claims that are not JSON": parts[0] + "." + enc([]byte("x")) + "." + parts[2],
	} {
		var refused oidc.RefusedError
		if _, err := issuer.Verify(t.Context(), token, want); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := issuer.Verify(t.Context(), good, want); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// An algorithm that the metadata does not name is not taken, though the key set has a key for it.
func TestAlgorithmsOfMetadata(t *testing.T) {
	for _, list := range []any{nil, []string{"RS256"}} {
		p, issuer, _ := start(t)
		p.Script(func(s *hostile.Script) { s.Metadata = hostile.JSON{"id_token_signing_alg_values_supported": list} })
		if _, err := issuer.Verify(t.Context(), p.IDToken(hostile.JSON{"nonce": "n-1"}), want); err != nil {
			t.Errorf("RS256: %v", err)
		}
		p.Script(func(s *hostile.Script) { s.Alg = "ES256" })
		var refused oidc.RefusedError
		if _, err := issuer.Verify(t.Context(), p.IDToken(hostile.JSON{"nonce": "n-1"}), want); !errors.As(err, &refused) {
			t.Errorf("ES256: %v", err)
		}
	}
}
