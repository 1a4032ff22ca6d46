package hostile_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit/provider/internal/hostile"
)

// A whole login with package oauth2, honest and strict, also in a bubble of synctest.
func TestLogin(t *testing.T) {
	for _, mode := range []string{"query", "form_post"} {
		synctest.Test(t, func(t *testing.T) {
			p := hostile.New(t)
			c := oauth2.Config{ClientID: hostile.ClientID, ClientSecret: hostile.ClientSecret, RedirectURL: "https://app.example.test/cb",
				Endpoint: oauth2.Endpoint{AuthURL: p.Issuer + "/authorize", TokenURL: p.Issuer + "/token", AuthStyle: oauth2.AuthStyleInHeader}}
			r := p.Login(c.AuthCodeURL("a state & more", oauth2.S256ChallengeOption("verifier"), oauth2.SetAuthURLParam("response_mode", mode)))
			if r.FormValue("state") != "a state & more" || r.FormValue("iss") != p.Issuer || (r.Method == "POST") != (mode == "form_post") {
				t.Fatalf("%s: %v", r.Method, r.Form)
			}
			ctx := context.WithValue(t.Context(), oauth2.HTTPClient, p.Client())
			if _, err := c.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption("another")); err == nil {
				t.Error("another code_verifier is taken")
			}
			r = p.Login(c.AuthCodeURL("s", oauth2.S256ChallengeOption("verifier")))
			if _, err := c.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption("verifier")); err != nil {
				t.Errorf("exchange: %v", err)
			}
			if _, err := c.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption("verifier")); err == nil {
				t.Error("a code is taken twice")
			}
			if p.Count(hostile.Token) != 3 || p.Count(hostile.Authorize) != 2 {
				t.Errorf("%v", p.Counts())
			}
		})
	}
}

func TestInstead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hostile.New(t)
		get := func(h http.Handler) (*http.Response, []byte, error) {
			p.Script(func(s *hostile.Script) { s.Instead = map[hostile.Endpoint]http.Handler{hostile.Metadata: h} })
			c := p.Client()
			c.Timeout = time.Minute
			resp, err := c.Get(p.Issuer + string(hostile.Metadata))
			if err != nil {
				return nil, nil, err
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			return resp, b, err
		}
		if _, b, err := get(hostile.Large()); err != nil || len(b) < 5<<20 || !json.Valid(b) {
			t.Errorf("large: %d, %v", len(b), err)
		}
		if resp, _, err := get(hostile.Down()); err != nil || resp.StatusCode != 503 {
			t.Errorf("down: %v", err)
		}
		if resp, _, err := get(hostile.Redirect("http://169.254.169.254/")); err != nil || resp.StatusCode != 307 {
			t.Errorf("redirect: %v", err)
		}
		if _, _, err := get(hostile.Slow()); err == nil || !err.(*url.Error).Timeout() {
			t.Errorf("slow: %v", err)
		}
		if _, _, err := get(hostile.Gone()); err == nil {
			t.Error("gone answers")
		}
	})
}
