package passkey_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/passkey"
	"myauth.internal/kit/passkey/internal/authenticator"
)

// TestNew: each setting that browsers would refuse is refused by its name.
func TestNew(t *testing.T) {
	origins := func(list ...string) *passkey.Options { return &passkey.Options{Origins: list} }
	for _, c := range []struct {
		rpID string
		opts *passkey.Options
		want string // a part of the error; empty: none
	}{
		{"example.com", nil, ""},
		{"localhost", origins("http://localhost:8080"), ""},
		{"example.com", origins("https://example.com", "https://a.b.example.com:8443", "android:apk-key-hash:AAAA"), ""},
		{"example.com", &passkey.Options{RelatedOrigins: []string{"https://example.co.uk"}}, ""},
		{"example.com", &passkey.Options{AllowCrossOrigin: true, TopOrigins: []string{"https://example.net"}}, ""},
		{"", nil, "RP ID"},
		{"https://example.com", nil, "RP ID"},
		{"example.com:443", nil, "RP ID"},
		{"Example.com", nil, "RP ID"},
		{"127.0.0.1", nil, "RP ID"},
		{"::1", nil, "RP ID"},
		{"example..com", nil, "RP ID"},
		{"example.com", origins("https://notexample.com"), "Origins"},
		{"example.com", origins("http://example.com"), "Origins"},
		{"example.com", origins("https://example.com/"), "Origins"},
		{"example.com", origins("https://example.com:443"), "Origins"},
		{"example.com", origins("https://EXAMPLE.com"), "Origins"},
		{"example.com", origins("https://example.com:"), "Origins"},
		{"example.com", origins("example.com"), "Origins"},
		{"example.com", origins(""), "Origins"},
		{"example.com", origins("https://u@example.com"), "Origins"},
		{"example.com", &passkey.Options{RelatedOrigins: []string{"http://example.co.uk"}}, "RelatedOrigins"},
		{"example.com", &passkey.Options{TopOrigins: []string{"https://example.net"}}, "AllowCrossOrigin"},
		{"example.com", &passkey.Options{AllowCrossOrigin: true, TopOrigins: []string{"example.net"}}, "TopOrigins"},
	} {
		_, err := passkey.New(c.rpID, c.opts)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%q, %+v): got error %v, want one with %q", c.rpID, c.opts, err, c.want)
		}
	}
	feature, err := passkey.New("example.com", &passkey.Options{RelatedOrigins: []string{"https://example.co.uk"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(feature.RelatedOrigins()); got != `{"origins":["https://example.co.uk"]}` {
		t.Errorf("RelatedOrigins: %s", got)
	}
}

// serve calls a route of a Service as package httpx does.
func serve(t *testing.T, k *kittest.Kit, path string, tokens kit.TokenPair, body any) (kit.Answer, map[string]any) {
	t.Helper()
	request := kit.Request{}
	if body != nil {
		request.Body.JSON, _ = json.Marshal(body)
	}
	if tokens.AccessToken != "" {
		var err error
		if request.User, request.Claims, err = k.Authenticate(t.Context(), string(tokens.AccessToken)); err != nil {
			t.Fatal(err)
		}
	}
	for _, route := range k.Routes() {
		if route.Method == "POST" && route.Path == path {
			answer, err := route.Serve(context.Background(), request)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			members := map[string]any{}
			if err := json.Unmarshal(answer.Body, &members); err != nil && len(answer.Body) > 0 {
				t.Fatal(err)
			}
			return answer, members
		}
	}
	t.Fatalf("no route %s", path)
	return kit.Answer{}, nil
}

// TestLogin adds a passkey and logs in by it, also where there is no network, as in WebAssembly.
// More of its life is in the module acceptance.
func TestLogin(t *testing.T) {
	feature, err := passkey.New("example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	k := kittest.New(t, func(o *kit.Options) { o.Features = []kit.Feature{feature} })
	u, tokens := k.LogIn("ada@example.com")
	p := authenticator.New(-7, "https://example.com")
	answer, options := serve(t, k, "/passkeys/options", tokens, nil)
	serve(t, k, "/passkeys", tokens, map[string]any{"state": options["state"], "credential": p.Create(answer.Body)})
	answer, options = serve(t, k, "/login/passkey/options", kit.TokenPair{}, nil)
	answer, _ = serve(t, k, "/login/passkey", kit.TokenPair{}, map[string]any{"state": options["state"], "credential": p.Get(answer.Body)})
	if answer.Tokens.User.ID != u.ID || answer.Tokens.RefreshToken == "" {
		t.Errorf("got %v", answer.Tokens.User.ID)
	}
}
