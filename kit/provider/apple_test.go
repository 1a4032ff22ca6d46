package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit"
	"myauth.internal/kit/provider/internal/hostile"
)

const appleID1 = "001473.a9fb2dbc5c0e4f1c8d6a1e0b7c9d2f34.0915"

func pemOf(t *testing.T, kind string, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func newECDSA(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func appleKeyPEM(t *testing.T) string { return pemOf(t, "PRIVATE KEY", newECDSA(t, elliptic.P256())) }

// verifyAppleSecret checks a client secret with the standard library alone.
// https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
func verifyAppleSecret(t *testing.T, secret string, key *ecdsa.PublicKey) map[string]any {
	t.Helper()
	parts := strings.Split(secret, ".")
	if len(parts) != 3 {
		t.Fatalf("the client secret has %d parts", len(parts))
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64URL.DecodeString(part); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(decoded[2][:32]), new(big.Int).SetBytes(decoded[2][32:])
	if len(decoded[2]) != 64 || !ecdsa.Verify(key, sum[:], r, s) {
		t.Error("the signature of the client secret is wrong")
	}
	members := map[string]any{}
	for _, text := range decoded[:2] {
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
	}
	return members
}

// TestApple walks a login: the client signs in with its key, and Apple answers with a form.
// https://developer.apple.com/documentation/signinwithapplerestapi
func TestApple(t *testing.T) {
	private := newECDSA(t, elliptic.P256())
	key := AppleKey{TeamID: "TEAM567890", KeyID: "KEYID67890", PrivateKey: kit.Secret(pemOf(t, "PRIVATE KEY", private))}
	e := play(t, "https://appleid.apple.com", func(c Config) Provider {
		c.ClientSecret, c.NativeClientIDs = "", []string{"com.example.app"}
		return Apple(key, c)
	})
	if p := Apple(key, Config{}); !p.formPost {
		t.Error("Apple posts a form, so the cookie must be one that other sites may send")
	}
	e.Script(func(s *hostile.Script) {
		s.Metadata = hostile.JSON{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}, "authorization_response_iss_parameter_supported": nil, "code_challenge_methods_supported": nil}
		s.Answer = hostile.JSON{"iss": nil, "user": `{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"victim@icloud.com"}`}
		s.Client = func(id, secret string) bool {
			m := verifyAppleSecret(t, secret, &private.PublicKey)
			for name, want := range map[string]any{"alg": "ES256", "kid": "KEYID67890", "iss": "TEAM567890", "sub": id, "aud": "https://appleid.apple.com"} {
				if m[name] != want {
					t.Errorf("%s of the client secret: got %v, want %v", name, m[name], want)
				}
			}
			life := time.Duration(m["exp"].(float64)-m["iat"].(float64)) * time.Second
			if life <= 0 || life > time.Hour {
				t.Errorf("the client secret lives %v", life)
			}
			return id == hostile.ClientID
		}
	})
	location, err := e.client.authURL(t.Context(), begun1)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"response_mode": "form_post", "scope": "name email", "response_type": "code", "code_challenge_method": "S256"} {
		if got := parameter(t, location, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, c := range []struct {
		name, email string
		verified    any
		proved      bool
	}{
		{"of iCloud", "ada@icloud.com", "true", true},
		{"verified as a boolean", "ada@me.com", true, true},
		{"of mac.com", "ada@mac.com", "true", true},
		{"hidden", "dpdcnf87nu@privaterelay.appleid.com", "true", true},
		{"foreign", "ada@example.com", "true", false},
		{"not verified", "ada@icloud.com", "false", false},
		{"below iCloud", "ada@x.icloud.com", "true", false},
		{"none, but in the form", "", nil, false},
	} {
		claims := hostile.JSON{"sub": appleID1, "email": c.email, "email_verified": c.verified, "is_private_email": "false", "nonce_supported": true, "auth_time": 1700000000}
		if c.email == "" {
			delete(claims, "email")
		}
		e.claims(claims)
		a, err := e.login()
		if err != nil || a.Proved != c.proved || a.Email != c.email || a.Subject != appleID1 || a.Name != "Ada Lovelace" {
			t.Errorf("%s: got %+v, error %v", c.name, a, err)
		}
	}
	// A later login has no name.
	e.Script(func(s *hostile.Script) { s.Answer = hostile.JSON{"iss": nil} })
	if a, err := e.login(); err != nil || a.Name != "" {
		t.Errorf("a later login: got the name %q, error %v", a.Name, err)
	}
	sum := sha256.Sum256([]byte("n"))
	token := e.IDToken(hostile.JSON{"aud": "com.example.app", "nonce": hex.EncodeToString(sum[:])})
	if a, err := e.client.native(t.Context(), token, "n"); err != nil || a.Subject != appleID1 {
		t.Errorf("an app: got %+v, error %v", a, err)
	}
}

// TestAppleName: the name is text from anybody's browser.
func TestAppleName(t *testing.T) {
	for user, want := range map[string]string{
		`{"name":{"firstName":"Ada","lastName":"Lovelace"}}`: "Ada Lovelace",
		`{"name":{"firstName":"Ada"}}`:                       "Ada",
		`{"name":{"lastName":"Lovelace"}}`:                   "Lovelace",
		`{"email":"a@icloud.com"}`:                           "",
		`{"name":"Ada"}`:                                     "",
		`{"name":null}`:                                      "",
		`[]`:                                                 "",
		`{`:                                                  "",
		``:                                                   "",
		`{"name":{"firstName":"A\r\n\u0000B"}}`:              "A B",
		`{"name":{"firstName":"` + strings.Repeat("a", 5<<10) + `"}}`: "",
	} {
		if got := cleanName(appleName(user)); got != want {
			t.Errorf("%.60s: got %q, want %q", user, got, want)
		}
	}
}

// TestAppleSecret: a client secret is made anew before the last one is over.
func TestAppleSecret(t *testing.T) {
	private := newECDSA(t, elliptic.P256())
	now := time.Unix(1_800_000_000, 0)
	secret, err := appleSecret(AppleKey{"TEAM567890", "KEYID67890", kit.Secret(pemOf(t, "PRIVATE KEY", private))}, "apple", "id", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for range 60 {
		text, err := secret()
		if err != nil {
			t.Fatal(err)
		}
		made[text] = true
		m := verifyAppleSecret(t, text, &private.PublicKey)
		if left := int64(m["exp"].(float64)) - now.Unix(); left < 60 {
			t.Errorf("a secret with %d s left", left)
		}
		now = now.Add(time.Minute)
	}
	if len(made) != 12 {
		t.Errorf("%d secrets in an hour, want 12", len(made))
	}
	now = now.Add(-24 * time.Hour) // a clock that was wrong
	text, err := secret()
	if err != nil || made[text] {
		t.Errorf("after the clock went back: the same secret, error %v", err)
	}
}

// TestAppleKey: what is wrong with a key is said without the key.
func TestAppleKey(t *testing.T) {
	good := appleKeyPEM(t)
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(newECDSA(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		key  AppleKey
		want string // a part of the error; empty: none
	}{
		{"good", AppleKey{"TEAM567890", "KEYID67890", kit.Secret(good)}, ""},
		{"text before it", AppleKey{"TEAM567890", "KEYID67890", kit.Secret("\r\n" + good)}, ""},
		{"no team", AppleKey{"", "KEYID67890", kit.Secret(good)}, "AppleKey.TeamID"},
		{"a team in lower case", AppleKey{"team567890", "KEYID67890", kit.Secret(good)}, "AppleKey.TeamID"},
		{"a file's name as the key's", AppleKey{"TEAM567890", "AuthKey_KEYID67890.p8", kit.Secret(good)}, "AppleKey.KeyID"},
		{"no key", AppleKey{"TEAM567890", "KEYID67890", ""}, "AppleKey.PrivateKey"},
		{"a path", AppleKey{"TEAM567890", "KEYID67890", "/keys/AuthKey.p8"}, "AppleKey.PrivateKey"},
		{"half a key", AppleKey{"TEAM567890", "KEYID67890", kit.Secret(good[:100])}, "AppleKey.PrivateKey"},
		{"broken", AppleKey{"TEAM567890", "KEYID67890", kit.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("broken")}))}, "AppleKey.PrivateKey"},
		{"RSA", AppleKey{"TEAM567890", "KEYID67890", kit.Secret(pemOf(t, "PRIVATE KEY", small))}, "AppleKey.PrivateKey"},
		{"P-384", AppleKey{"TEAM567890", "KEYID67890", kit.Secret(pemOf(t, "PRIVATE KEY", newECDSA(t, elliptic.P384())))}, "AppleKey.PrivateKey"},
		{"SEC 1", AppleKey{"TEAM567890", "KEYID67890", kit.Secret(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}))}, "AppleKey.PrivateKey"},
	} {
		p := Apple(c.key, Config{ClientID: "com.example.web"})
		_, err := p.connect(p.Config, callback, time.Now)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.want)
		}
		if err != nil && len(c.key.PrivateKey) > 10 && strings.Contains(err.Error(), strings.TrimSpace(string(c.key.PrivateKey))[:10]) {
			t.Errorf("%s: the error shows the key: %v", c.name, err)
		}
	}
	p := Apple(AppleKey{"TEAM567890", "KEYID67890", kit.Secret(good)}, Config{ClientID: "id", ClientSecret: "x"})
	if _, err := p.connect(p.Config, callback, time.Now); err == nil || !strings.Contains(err.Error(), "ClientSecret") {
		t.Errorf("with a client secret too: got %v", err)
	}
}

// FuzzAppleName: whatever a browser posts, an account can have the name.
func FuzzAppleName(f *testing.F) {
	f.Add(`{"name":{"firstName":"Ada","lastName":"Lovelace"}}`)
	f.Add(`{"name":null}`)
	f.Add(`[{}]`)
	f.Fuzz(func(t *testing.T, user string) {
		name := cleanName(appleName(user))
		if !utf8.ValidString(name) || utf8.RuneCountInString(name) > 64 || strings.ContainsFunc(name, unicode.IsControl) {
			t.Errorf("%q: got %q", user, name)
		}
	})
}
