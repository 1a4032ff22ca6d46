package accesstoken_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/accesstoken"
)

// members of a valid payload, to be left out or replaced one by one.
var members = []struct{ name, value string }{
	{"iss", `"myauth"`}, {"aud", `"api"`}, {"sub", `"user-1"`}, {"exp", `1795437000`}, {"iat", `1795435200`},
	{"jti", `"token-1"`}, {"client_id", `"web"`}, {"sid", `"session-1"`}, {"roles", `["admin"]`}, {"epoch", `7`},
	{"auth_time", `1795435140`}, {"amr", `["pwd"]`}, {"tenant", `"acme"`},
}

// with returns the payload with one member replaced, or left out for "".
func with(name, value string) string {
	var parts []string
	for _, m := range members {
		if m.name == name {
			m.value = value
		}
		if m.value != "" {
			parts = append(parts, `"`+m.name+`":`+m.value)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestPayloadOfTests(t *testing.T) {
	if with("", "") != payload {
		t.Errorf("%s", with("", ""))
	}
}

func verifyPayload(p string) (accesstoken.Claims, error) {
	keys := must(accesstoken.NewKeyring(hmacKey("k1", secret)))
	return newVerifier(keys).Verify(forge(goodHeader, p, secret))
}

// Each claim is of its own type and no other, and required but for auth_time and amr.
func TestClaimTypes(t *testing.T) {
	values := []string{
		``, `null`, `true`, `{}`, `[]`, `[1]`, `["a"]`, `[""]`, `[["a"]]`, `["a",null]`, `""`, `"x"`, `"1795437000"`, `0`, `-1`, `1.5`,
		`1795437000.0`, `1.795437e9`, `1e300`, `1e-1`, `9223372036854775808`, `253402300800`, `1`,
	}
	allowed := map[string][]string{
		"sub": {`"x"`, `"1795437000"`}, "jti": {`"x"`, `"1795437000"`}, "sid": {`"x"`, `"1795437000"`}, "client_id": {`"x"`, `"1795437000"`},
		"roles": {`[]`, `["a"]`, `[""]`}, "epoch": {`0`, `-1`, `253402300800`, `1`},
		"auth_time": {``, `1`}, "amr": {``, `[]`, `["a"]`, `[""]`}, "tenant": values,
	}
	for _, m := range members {
		for _, value := range values {
			want := false
			for _, a := range allowed[m.name] {
				want = want || a == value
			}
			_, err := verifyPayload(with(m.name, value))
			switch {
			case want && err != nil:
				t.Errorf("%s: %s: %v", m.name, value, err)
			case !want && m.name == "exp" && value == `1`: // before iat
				fallthrough
			case !want && !errors.Is(err, accesstoken.ErrInvalid):
				if !errors.Is(err, accesstoken.ErrInvalid) {
					t.Errorf("%s: %s: accepted or expired: %v", m.name, value, err)
				}
			}
		}
	}
}

func TestClaimValues(t *testing.T) {
	for name, p := range map[string]string{
		"iss in other case":        with("iss", `"Myauth"`),
		"iss with a slash":         with("iss", `"myauth/"`),
		"aud of the mails":         with("aud", `"api/verify-email"`),
		"aud a list":               with("aud", `["api"]`),
		"aud a list of more":       with("aud", `["api","x"]`),
		"exp before iat":           with("exp", `1795435199`),
		"exp at iat":               with("exp", `1795435200`),
		"iat 61 s ahead":           with("iat", `1795435261`),
		"auth_time after iat":      with("auth_time", `1795435201`),
		"auth_time twice":          strings.Replace(payload, `{`, `{"auth_time":1,`, 1),
		"amr twice":                strings.Replace(payload, `{`, `{"\u0061mr":["pwd"],`, 1),
		"amr with a number":        with("amr", `["pwd",1]`),
		"own claim twice":          strings.Replace(payload, `{`, `{"tenan\u0074":"evil",`, 1),
		"exp twice":                strings.Replace(payload, `{`, `{"exp":1795437001,`, 1),
		"sub twice, once escaped":  strings.Replace(payload, `{`, `{"su\u0062":"admin",`, 1),
		"only names in capitals":   strings.Replace(payload, `"sub"`, `"SUB"`, 1),
		"not an object":            `"` + b64(payload) + `"`,
		"a list":                   `[` + payload + `]`,
		"null":                     `null`,
		"empty":                    ``,
		"data behind":              payload + payload,
		"bad UTF-8":                with("sub", "\"\xff\""),
		"lone surrogate":           with("sub", `"\ud800"`),
		"deep":                     strings.Replace(payload, `{`, `{"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`,`, 1),
		"roles with a number":      with("roles", `["admin",1]`),
		"roles a string":           with("roles", `"admin"`),
		"bad number in other data": strings.Replace(payload, `{`, `{"x":01,`, 1),
	} {
		if got, err := verifyPayload(p); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, p := range map[string]string{
		"iat 60 s ahead":   with("iat", `1795435260`),
		"iat at auth_time": with("iat", `1795435140`),
		"escapes":          with("iss", `"my\u0061uth"`),
		"unknown claims":   strings.Replace(payload, `{`, `{"nbf":9e99,"scope":"a b","SUB":"eve","x":{"sub":["eve"]},`, 1),
		"the last second":  with("exp", `253402300799`),
		"no roles":         with("roles", `[]`),
		"a negative epoch": with("epoch", `-9223372036854775808`),
	} {
		if got, err := verifyPayload(p); err != nil || got.Subject != "user-1" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// exp is exact to the instant, and the only leeway is that of iat.
func TestTimes(t *testing.T) {
	keys := must(accesstoken.HMAC(secret))
	token := must(newSigner(keys).Sign(claims())) // iat 12:00:00, exp 12:30:00
	for _, tt := range []struct {
		now  time.Time
		want error
	}{
		{noon, nil},
		{noon.Add(-accesstoken.ClockSkew), nil},
		{noon.Add(-accesstoken.ClockSkew - 1), accesstoken.ErrInvalid},
		{noon.Add(-time.Hour), accesstoken.ErrInvalid},
		{noon.Add(30*time.Minute - 1), nil},
		{noon.Add(30 * time.Minute), accesstoken.ErrExpired},
		{noon.Add(30*time.Minute + 1), accesstoken.ErrExpired},
		{noon.Add(100 * 365 * 24 * time.Hour), accesstoken.ErrExpired},
	} {
		v := must(accesstoken.NewVerifier(keys, "myauth", "api", &accesstoken.VerifierOptions{Now: func() time.Time { return tt.now }}))
		_, err := v.Verify(token)
		if !errors.Is(err, tt.want) || tt.want == accesstoken.ErrExpired && errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("at %v: %v, want %v", tt.now, err, tt.want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	keys := must(accesstoken.HMAC(secret))
	c := claims()
	c.IssuedAt = c.IssuedAt.Add(999 * time.Millisecond)
	c.ExpiresAt = c.ExpiresAt.Add(time.Millisecond).In(time.FixedZone("", 3600))
	token := must(newSigner(keys).Sign(c))
	got, err := newVerifier(keys).Verify(token)
	if err != nil || !reflect.DeepEqual(got, claims()) {
		t.Errorf("%+v, %v; want %+v", got, err, claims())
	}
	head, _, _ := strings.Cut(token, ".")
	if head != b64(`{"alg":"HS256","typ":"at+jwt","kid":"`+hmacKey("", secret).ID()+`"}`) {
		t.Errorf("header %s", head)
	}
	c.Roles = nil
	if got, err := newVerifier(keys).Verify(must(newSigner(keys).Sign(c))); err != nil || len(got.Roles) != 0 {
		t.Errorf("%v, %v", got.Roles, err)
	}
}

func TestSignerRefuses(t *testing.T) {
	signer := newSigner(must(accesstoken.HMAC(secret)))
	for name, change := range map[string]func(*accesstoken.Claims){
		"no subject":      func(c *accesstoken.Claims) { c.Subject = "" },
		"no session":      func(c *accesstoken.Claims) { c.SessionID = "" },
		"no token id":     func(c *accesstoken.Claims) { c.TokenID = "" },
		"no client id":    func(c *accesstoken.Claims) { c.ClientID = "" },
		"bad client id":   func(c *accesstoken.Claims) { c.ClientID = "\xff" },
		"bad UTF-8":       func(c *accesstoken.Claims) { c.Subject = "\xff" },
		"bad role":        func(c *accesstoken.Claims) { c.Roles = []string{"\xed\xa0\x80"} },
		"before 1970":     func(c *accesstoken.Claims) { c.AuthTime = time.Unix(0, 0) },
		"no method":       func(c *accesstoken.Claims) { c.AMR = []string{"pwd", ""} },
		"bad method":      func(c *accesstoken.Claims) { c.AMR = []string{"\xff"} },
		"a giant claim":   func(c *accesstoken.Claims) { c.Extra = []byte(`{"x":"` + strings.Repeat("x", 9000) + `"}`) },
		"no iat":          func(c *accesstoken.Claims) { c.IssuedAt = time.Time{} },
		"no exp":          func(c *accesstoken.Claims) { c.ExpiresAt = time.Time{} },
		"under a second":  func(c *accesstoken.Claims) { c.ExpiresAt = c.IssuedAt.Add(999 * time.Millisecond) },
		"after 9999":      func(c *accesstoken.Claims) { c.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"too many roles":  func(c *accesstoken.Claims) { c.Roles = strings.Split(strings.Repeat("role,", 900), ",") },
		"a giant subject": func(c *accesstoken.Claims) { c.Subject = strings.Repeat("x", 9000) },
	} {
		c := claims()
		change(&c)
		if token, err := signer.Sign(c); err == nil || token != "" {
			t.Errorf("%s: signed", name)
		}
	}
	for _, names := range [][2]string{{"", "a"}, {"i", ""}, {"\xff", "a"}, {"i", "\xff"}} {
		keys := must(accesstoken.HMAC(secret))
		if _, err := accesstoken.NewSigner(keys, names[0], names[1]); err == nil {
			t.Errorf("signer for %q", names)
		}
		if _, err := accesstoken.NewVerifier(keys, names[0], names[1], nil); err == nil {
			t.Errorf("verifier for %q", names)
		}
	}
	if _, err := accesstoken.NewSigner(nil, "i", "a"); err == nil {
		t.Error("signer without keys")
	}
	if _, err := accesstoken.NewVerifier(new(accesstoken.Keyring), "i", "a", nil); err == nil {
		t.Error("verifier with the zero keyring")
	}
	if _, err := accesstoken.NewVerifier(must(accesstoken.HMAC(secret)), "i", "a", nil); err != nil {
		t.Error(err)
	}
}

// Tokens of another issuer, audience or use, signed with the same key.
func TestOtherUses(t *testing.T) {
	keys := must(accesstoken.HMAC(secret))
	verifier := newVerifier(keys)
	derived, _, err := keys.Derive("x", "")
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{
		"refresh token":  "myauth_rt_AAAAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
		"reset token":    "myauth_pr_AAAAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
		"other issuer":   must(must(accesstoken.NewSigner(keys, "other", "api")).Sign(claims())),
		"other audience": must(must(accesstoken.NewSigner(keys, "myauth", "other")).Sign(claims())),
		"other typ":      must(keys.Sign("email-verification+jwt", []byte(payload))),
		"a derived key":  forge(`{"alg":"HS256","typ":"at+jwt","kid":"`+hmacKey("", secret).ID()+`"}`, payload, derived),
	}
	for name, token := range tokens {
		if _, err := verifier.Verify(token); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	access := must(newSigner(keys).Sign(claims()))
	// As at+jwt too, because Keyring.Verify would not see that it has expired.
	for _, typ := range []string{"email-verification+jwt", "", "JWT", "at+jwt"} {
		if _, err := keys.Verify(typ, access); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("an access token as %q: %v", typ, err)
		}
	}
	if _, err := keys.Verify("", forge(`{"alg":"HS256"}`, payload, secret)); !errors.Is(err, accesstoken.ErrInvalid) {
		t.Errorf("no typ at all: %v", err)
	}
	for _, typ := range []string{"", "at+jwt", "a\nb", "é", strings.Repeat("x", 65)} {
		if _, err := keys.Sign(typ, []byte(`{}`)); err == nil {
			t.Errorf("signed with typ %q", typ)
		}
	}
	odd := `a"b\c`
	if got, err := keys.Verify(odd, must(keys.Sign(odd, []byte("any bytes \xff\x00")))); err != nil || string(got) != "any bytes \xff\x00" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestErrorsAreDistinct(t *testing.T) {
	if errors.Is(accesstoken.ErrExpired, accesstoken.ErrInvalid) || errors.Is(accesstoken.ErrInvalid, accesstoken.ErrExpired) {
		t.Error("one error is the other")
	}
	_, err := verifyPayload(with("sub", `"s3cret"`)[1:])
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "s3cret") {
		t.Errorf("%v", err)
	}
}
