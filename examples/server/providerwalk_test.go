package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestProvidersWalk does what PROVIDERS.md tells its readers to do, with the settings that it shows
// and a provider in the place of theirs.
func TestProvidersWalk(t *testing.T) {
	t.Parallel()
	needTool(t, "openssl", "openssl")
	text, err := os.ReadFile("PROVIDERS.md")
	if err != nil {
		t.Fatal(err)
	}
	const issuer = "https://id.example.com"
	settings := strings.Split(strings.TrimSpace(blocks(string(text), "ini")[0]), "\n")
	for i := range settings {
		settings[i] = strings.Replace(settings[i], issuer, newIDProvider(t, "what-it-gave-you"), 1)
	}
	settings = append(settings, "MYAUTH_PROVIDER_MY_COMPANY_ALLOW_PRIVATE=true")
	follow(t, "PROVIDERS.md", "server.log", func(dir string, log io.Writer) *process { return launch(t, dir, log, settings...) })
}

// newIDProvider starts an OpenID Connect provider that lets everybody in as Ada without a question, and
// returns its issuer.
func newIDProvider(t *testing.T, secret string) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	encoded := base64.RawURLEncoding.EncodeToString
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": server.URL, "authorization_endpoint": server.URL + "/authorize", "token_endpoint": server.URL + "/token", "jwks_uri": server.URL + "/keys",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
			"authorization_response_iss_parameter_supported": true,
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": encoded(key.N.Bytes()), "e": encoded(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	// The code is what the token needs: no state of this provider's own.
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		code := url.Values{"nonce": {q.Get("nonce")}, "challenge": {q.Get("code_challenge")}, "aud": {q.Get("client_id")}}
		back := url.Values{"state": {q.Get("state")}, "iss": {server.URL}, "code": {encoded([]byte(code.Encode()))}}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		text, _ := base64.RawURLEncoding.DecodeString(r.FormValue("code"))
		code, _ := url.ParseQuery(string(text))
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		_, password, basic := r.BasicAuth()
		if !basic || password != secret || encoded(sum[:]) != code.Get("challenge") {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		claims, err := json.Marshal(map[string]any{
			"iss": server.URL, "sub": "248289761001", "aud": code.Get("aud"), "nonce": code.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
			"email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace",
		})
		if err != nil {
			t.Error(err)
		}
		signed := encoded([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + encoded(claims)
		digest := sha256.Sum256([]byte(signed))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		if err != nil {
			t.Error(err)
		}
		answer(w, map[string]any{"access_token": "unused", "token_type": "Bearer", "expires_in": 60, "id_token": signed + "." + encoded(signature)})
	})
	return server.URL
}
