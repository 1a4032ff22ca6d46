package accesstoken_test

import (
	"encoding/json"
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
	})
}

// FuzzRoundTrip: any claims are refused by Sign or come back as they were.
func FuzzRoundTrip(f *testing.F) {
	f.Add("user", "session", "id", "client", "admin", "a\"b", int64(0))
	f.Add("\x00\x1f", "\u2028", "😀", "\n", "", "\\", int64(-1))
	f.Add("\xff", "s", "t", "c", "", "", int64(1))
	keys := must(accesstoken.HMAC(secret))
	f.Fuzz(func(t *testing.T, sub, sid, jti, client, role1, role2 string, epoch int64) {
		c := accesstoken.Claims{
			Subject: sub, SessionID: sid, TokenID: jti, ClientID: client, Roles: []string{role1, role2}, Epoch: epoch,
			IssuedAt: noon, ExpiresAt: noon.Add(time.Hour),
		}
		token, err := newSigner(keys).Sign(c)
		if err != nil {
			return
		}
		if got, err := newVerifier(keys).Verify(token); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v, %v; want %+v", got, err, c)
		}
	})
}
