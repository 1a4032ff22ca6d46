package surface

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// decodePart reads one part of a JWT.
func decodePart(t *testing.T, token string, part int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func keysOf(m map[string]any) string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// The access token has the header and the claims of the contract.
func TestAccessToken(t *testing.T) {
	a := newApp(t)
	u := a.register()
	tk := a.login()
	header := decodePart(t, tk.Access, 0)
	if header["alg"] != "HS256" || header["typ"] != "at+jwt" || strings.TrimSuffix(keysOf(header), " kid typ") != "alg" && keysOf(header) != "alg typ" {
		t.Errorf("the header is %v", header)
	}
	claims := decodePart(t, tk.Access, 1)
	for name, want := range map[string]any{
		"iss": "myauth", "aud": "myauth", "client_id": "myauth", "sub": u.ID, "iat": float64(start.Unix()), "exp": float64(start.Unix() + 1800),
	} {
		if fmt.Sprint(claims[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	for _, name := range []string{"jti", "sid", "roles"} {
		if claims[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	next := decodePart(t, a.refresh(tk.Refresh).is(200).tokens().Access, 1)
	if next["sid"] != claims["sid"] || next["jti"] == claims["jti"] {
		t.Errorf("after a refresh sid is %v (was %v) and jti %v (was %v)", next["sid"], claims["sid"], next["jti"], claims["jti"])
	}
}

// A verification token is another kind: typ, audience and key.
func TestVerificationToken(t *testing.T) {
	a := newApp(t)
	a.register()
	token := string(a.mail(kit.MailVerification).Token)
	if typ := decodePart(t, token, 0)["typ"]; typ == "at+jwt" || typ == nil {
		t.Errorf("typ is %v", typ)
	}
	if aud := decodePart(t, token, 1)["aud"]; aud == "myauth" || aud == nil {
		t.Errorf("aud is %v", aud)
	}
}

func TestWeakSecretIsRefused(t *testing.T) {
	if _, err := accesstoken.HMAC([]byte(strings.Repeat("k", 31))); err == nil {
		t.Error("31 bytes were accepted")
	}
}
