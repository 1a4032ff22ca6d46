package accesstoken_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/accesstoken"
)

// FuzzVerify: of all the tokens there are, only those that were signed here are
// accepted, and those to the letter.
func FuzzVerify(f *testing.F) {
	ed := asymmetricKeys()[2]
	ring := must(accesstoken.NewKeyring(hmacKey("k1", secret), ed, must(accesstoken.NewKey(accesstoken.HS512, "k2", long))))
	lone := must(accesstoken.HMAC(secret))
	verifiers := []*accesstoken.Verifier{newVerifier(ring), newVerifier(lone)}
	ours := []string{
		must(newSigner(ring).Sign(claims())),
		must(newSigner(lone).Sign(claims())),
		must(newSigner(must(accesstoken.NewKeyring(ed))).Sign(claims())),
		forge(goodHeader, payload, secret),
		forge(`{"kid":"k1","alg":"HS256","typ":"at+jwt"}`, " "+payload+" ", secret),
	}
	for _, token := range ours {
		f.Add(token)
		head, rest, _ := strings.Cut(token, ".")
		f.Add(rest + "." + head)
		f.Add(b64(`{"alg":"none","typ":"at+jwt","kid":"k1"}`) + "." + rest)
	}
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		for _, v := range verifiers {
			if c, err := v.Verify(token); err == nil && !slices.Contains(ours, token) {
				t.Errorf("accepted %q as %+v", token, c)
			} else if err != nil && !reflect.DeepEqual(c, accesstoken.Claims{}) {
				t.Errorf("claims beside an error: %+v", c)
			}
		}
	})
}

// FuzzClaims signs any payload: what is accepted has the claims that encoding/json
// sees, too.
func FuzzClaims(f *testing.F) {
	verifier := newVerifier(must(accesstoken.NewKeyring(hmacKey("k1", secret))))
	for _, m := range members {
		f.Add([]byte(with(m.name, `null`)))
		f.Add([]byte(with(m.name, `"é\u0041"`)))
	}
	f.Add([]byte(payload))
	f.Fuzz(func(t *testing.T, p []byte) {
		got, err := verifier.Verify(forge(goodHeader, string(p), secret))
		if err != nil {
			return
		}
		all := map[string]any{}
		if err := json.Unmarshal(p, &all); err != nil {
			t.Fatalf("accepted %q: %v", p, err)
		}
		if all["iss"] != "myauth" || all["aud"] != "api" || all["sub"] != got.Subject || all["jti"] != got.TokenID ||
			all["sid"] != got.SessionID || all["client_id"] != got.ClientID || all["exp"] != float64(got.ExpiresAt.Unix()) || all["iat"] != float64(got.IssuedAt.Unix()) ||
			all["epoch"] != float64(got.Epoch) || len(all["roles"].([]any)) != len(got.Roles) || !got.ExpiresAt.After(noon) {
			t.Errorf("%q is read as %+v", p, got)
		}
		if at, there := all["auth_time"]; there != !got.AuthTime.IsZero() || there && (at != float64(got.AuthTime.Unix()) || got.AuthTime.After(got.IssuedAt)) {
			t.Errorf("%q is read as %+v", p, got)
		}
		if amr, there := all["amr"].([]any); there != (got.AMR != nil) || len(amr) != len(got.AMR) {
			t.Errorf("%q is read as %+v", p, got)
		}
		own := map[string]any{}
		if got.Extra != nil {
			if err := json.Unmarshal(got.Extra, &own); err != nil {
				t.Fatalf("%q gives the claims %q: %v", p, got.Extra, err)
			}
		}
		maps.DeleteFunc(all, func(name string, _ any) bool { return accesstoken.IsRegisteredClaim(name) })
		if !reflect.DeepEqual(own, all) {
			t.Errorf("%q gives the claims %q", p, got.Extra)
		}
	})
}

// FuzzRoundTrip: any claims are refused by Sign or come back as they were.
func FuzzRoundTrip(f *testing.F) {
	f.Add("user", "session", "id", "client", "admin", "a\"b", int64(0), "pwd", int64(0), `{"tenant":"acme"}`)
	f.Add("\x00\x1f", "\u2028", "😀", "\n", "", "\\", int64(-1), "otp", noon.Unix(), `{"a":1,"sub":"eve"}`)
	f.Add("\xff", "s", "t", "c", "", "", int64(1), "", int64(1), `{"a":1}}`)
	f.Add("u", "s", "t", "c", "", "", int64(1), "x", noon.Unix()+1, ` { "a" : [ 1 ] , "":{} } `)
	keys := must(accesstoken.HMAC(secret))
	f.Fuzz(func(t *testing.T, sub, sid, jti, client, role1, role2 string, epoch int64, method string, authTime int64, extra string) {
		c := accesstoken.Claims{
			Subject: sub, SessionID: sid, TokenID: jti, ClientID: client, Roles: []string{role1, role2}, Epoch: epoch,
			IssuedAt: noon, ExpiresAt: noon.Add(time.Hour), AuthTime: time.Unix(authTime, 0).UTC(), AMR: []string{method}, Extra: []byte(extra),
		}
		token, err := newSigner(keys).Sign(c)
		if err != nil {
			return
		}
		if c.AuthTime.After(noon) {
			c.AuthTime = noon
		}
		got, err := newVerifier(keys).Verify(token)
		var sent, back map[string]any
		if extra != "" {
			if err := json.Unmarshal(c.Extra, &sent); err != nil {
				t.Fatalf("signed %q: %v", c.Extra, err)
			}
		}
		if got.Extra != nil {
			if err := json.Unmarshal(got.Extra, &back); err != nil {
				t.Fatalf("%q came back as %q: %v", c.Extra, got.Extra, err)
			}
		}
		if len(sent)+len(back) > 0 && !reflect.DeepEqual(sent, back) {
			t.Errorf("%q came back as %q", c.Extra, got.Extra)
		}
		c.Extra, got.Extra = nil, nil
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v, %v; want %+v", got, err, c)
		}
	})
}
