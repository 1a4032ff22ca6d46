package accesstoken_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"myauth.internal/kit/accesstoken"
)

// parseJWKS makes a keyring of the keys that ParseJWKS finds.
func parseJWKS(set []byte) (*accesstoken.Keyring, error) {
	keys, err := accesstoken.ParseJWKS(set)
	if err != nil {
		return nil, err
	}
	return accesstoken.NewKeyring(nil, keys...)
}

// What JWKS writes, ParseJWKS reads: same keys, same ids, same bytes again.
func TestParseJWKSReadsWhatJWKSWrites(t *testing.T) {
	all := asymmetricKeys()
	issuer := must(accesstoken.NewKeyring(all[0], all[1], all[2], hmacKey("h", secret)))
	ring := must(parseJWKS(issuer.JWKS()))
	if ring.CanSign() {
		t.Error("a public key set signs")
	}
	if !bytes.Equal(ring.JWKS(), issuer.JWKS()) {
		t.Errorf("got  %s\nwant %s", ring.JWKS(), issuer.JWKS())
	}
	for _, key := range all {
		token := must(newSigner(must(accesstoken.NewKeyring(key))).Sign(claims()))
		if _, err := newVerifier(ring).Verify(token); err != nil {
			t.Errorf("%v: %v", key, err)
		}
	}
	// The secret is not in the set, so its tokens are refused.
	if _, err := newVerifier(ring).Verify(must(newSigner(must(accesstoken.NewKeyring(hmacKey("h", secret)))).Sign(claims()))); err == nil {
		t.Error("accepted a token of an HMAC key")
	}
}

// jwks makes a set of JWKs that are written as maps.
func jwks(keys ...map[string]any) []byte {
	return must(json.Marshal(map[string]any{"keys": keys}))
}

// jwkOf is the JWK of one of the asymmetric keys, with changes; nil takes a
// member out.
func jwkOf(i int, changes map[string]any) map[string]any {
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(must(accesstoken.NewKeyring(asymmetricKeys()[i])).JWKS(), &set); err != nil {
		panic(err)
	}
	for name, value := range changes {
		if value == nil {
			delete(set.Keys[0], name)
			continue
		}
		set.Keys[0][name] = value
	}
	return set.Keys[0]
}

func TestParseJWKSPassesOverOtherKeys(t *testing.T) {
	good := jwkOf(2, nil)
	for name, other := range map[string]map[string]any{
		"encryption":      jwkOf(0, map[string]any{"use": "enc"}),
		"other alg":       jwkOf(0, map[string]any{"alg": "RS512"}),
		"PSS":             jwkOf(0, map[string]any{"alg": "PS256"}),
		"alg none":        jwkOf(0, map[string]any{"alg": "none"}),
		"HMAC by name":    jwkOf(0, map[string]any{"alg": "HS256"}),
		"signs only":      jwkOf(1, map[string]any{"key_ops": []string{"sign"}}),
		"no operation":    jwkOf(1, map[string]any{"key_ops": []string{}}),
		"other curve":     {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
		"X25519":          {"kty": "OKP", "crv": "X25519", "x": b64(strings.Repeat("x", 32))},
		"unknown type":    {"kty": "PQ", "pub": 1},
		"no type":         {"kid": "x"},
		"a shared secret": {"kty": "oct", "k": b64(string(secret)), "alg": "HS256", "kid": "o"},
	} {
		ring, err := parseJWKS(jwks(other, good))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := jwks(good); !sameJSON(ring.JWKS(), want) {
			t.Errorf("%s: got %s, want %s", name, ring.JWKS(), want)
		}
		if _, err := accesstoken.ParseJWKS(jwks(other)); err == nil {
			t.Errorf("%s alone: a keyring without a key", name)
		}
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

func TestParseJWKSFillsIn(t *testing.T) {
	for i, key := range asymmetricKeys() {
		bare := jwkOf(i, map[string]any{"use": nil, "alg": nil, "kid": nil})
		ring, err := parseJWKS(jwks(bare))
		if err != nil {
			t.Errorf("%v: %v", key, err)
			continue
		}
		// asymmetricKeys have their thumbprints as ids.
		if want := must(accesstoken.NewKeyring(key)).JWKS(); !bytes.Equal(ring.JWKS(), want) {
			t.Errorf("got %s, want %s", ring.JWKS(), want)
		}
	}
	named := jwkOf(1, map[string]any{"kid": "n", "key_ops": []string{"verify"}, "x5c": []string{"?"}, "unknown": map[string]any{"d": 1}})
	if _, err := accesstoken.ParseJWKS(jwks(named)); err != nil {
		t.Error(err)
	}
}

func TestParseJWKSRefuses(t *testing.T) {
	small := must(rsa.GenerateKey(rand.Reader, 1024)) //nolint:gosec // G403: too short on purpose
	good := string(jwks(jwkOf(2, nil)))
	for name, set := range map[string]string{
		"empty":                "",
		"no JSON":              "keys",
		"no keys":              `{}`,
		"keys is an object":    `{"keys":{}}`,
		"keys is null":         `{"keys":null}`,
		"no key":               `{"keys":[]}`,
		"a key is a number":    `{"keys":[1]}`,
		"two members keys":     `{"keys":[],` + good[1:],
		"data after it":        good + "{}",
		"too long":             good[:len(good)-1] + `,"pad":"` + strings.Repeat("x", 256<<10) + `"}`,
		"too many":             `{"keys":[` + strings.Repeat(`{},`, 100) + good[len(`{"keys":[`):],
		"twice the same":       string(jwks(jwkOf(2, nil), jwkOf(2, nil))),
		"one kid, two keys":    string(jwks(jwkOf(2, map[string]any{"kid": "k"}), jwkOf(1, map[string]any{"kid": "k"}))),
		"kid is a number":      string(jwks(jwkOf(2, map[string]any{"kid": 1}))),
		"kid too long":         string(jwks(jwkOf(2, map[string]any{"kid": strings.Repeat("k", 129)}))),
		"private Ed25519":      string(jwks(jwkOf(2, map[string]any{"d": b64(string(edKey()[:32]))}))),
		"private RSA":          string(jwks(jwkOf(0, map[string]any{"p": "AA"}))),
		"no x":                 string(jwks(jwkOf(2, map[string]any{"x": nil}))),
		"short x":              string(jwks(jwkOf(2, map[string]any{"x": "AAAA"}))),
		"padded x":             string(jwks(jwkOf(2, map[string]any{"x": b64(string(edKey()[32:])) + "="}))),
		"not on the curve":     string(jwks(jwkOf(1, map[string]any{"x": b64(strings.Repeat("x", 32))}))),
		"short y":              string(jwks(jwkOf(1, map[string]any{"y": "AA"}))),
		"RSA of 1024 bits":     string(jwks(jwkOf(0, map[string]any{"n": b64(string(small.N.Bytes()))}))),
		"RSA of 16384 bits":    string(jwks(jwkOf(0, map[string]any{"n": b64(strings.Repeat("\xff", 2048))}))),
		"even modulus":         string(jwks(jwkOf(0, map[string]any{"n": b64(strings.Repeat("\xfe", 256))}))),
		"exponent 1":           string(jwks(jwkOf(0, map[string]any{"e": "AQ"}))),
		"even exponent":        string(jwks(jwkOf(0, map[string]any{"e": "AQAA"}))),
		"exponent of 5 bytes":  string(jwks(jwkOf(0, map[string]any{"e": b64("\x01\x00\x00\x00\x01")}))),
		"no exponent":          string(jwks(jwkOf(0, map[string]any{"e": nil}))),
		"key_ops is no array":  string(jwks(jwkOf(0, map[string]any{"key_ops": "verify"}))),
		"kty is no string":     string(jwks(jwkOf(0, map[string]any{"kty": true}))),
		"duplicate in a key":   `{"keys":[{"kty":"OKP","kty":"OKP"}]}`,
		"invalid UTF-8 in one": "{\"keys\":[{\"kid\":\"\xff\"}]}",
	} {
		ring, err := parseJWKS([]byte(set))
		if err == nil || ring != nil {
			t.Errorf("%s: accepted as %v", name, ring)
			continue
		}
		if !strings.HasPrefix(err.Error(), "accesstoken: ") {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
}

// FuzzParseJWKS: whatever is accepted verifies only, and reads back as itself.
func FuzzParseJWKS(f *testing.F) {
	// Every worker makes the seeds anew, so none may take long: no key is generated
	// but on a curve.
	set := must(accesstoken.NewKeyring(nil,
		must(accesstoken.ParsePEM(accesstoken.RS256, "", []byte(rfc7638))),
		must(accesstoken.NewKey(accesstoken.ES256, "", ecKey())),
		must(accesstoken.NewKey(accesstoken.EdDSA, "", edKey())),
	)).JWKS()
	f.Add(set)
	f.Add(bytes.Replace(set, []byte(`"e":"AQAB"`), []byte(`"e":"Aw"`), 1))
	f.Fuzz(func(t *testing.T, set []byte) {
		ring, err := parseJWKS(set)
		if err != nil {
			return
		}
		if ring.CanSign() {
			t.Error("signs")
		}
		again, err := parseJWKS(ring.JWKS())
		if err != nil || !bytes.Equal(again.JWKS(), ring.JWKS()) {
			t.Errorf("%s is read back as %v, %v", ring.JWKS(), again, err)
		}
	})
}
