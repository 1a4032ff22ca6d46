package httpx_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"myauth.internal/httpx"
)

// allowOrigin lets the pages of one other origin call h (CORS, in the Fetch standard): with the
// cookies of a session, or, on another site, with a token in the Authorization header.
func allowOrigin(origin string, cookies bool, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Add("Vary", "Origin")
		if r.Header.Get("Origin") != origin {
			h.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
		allowed := "Content-Type"
		if cookies {
			header.Set("Access-Control-Allow-Credentials", "true")
		} else {
			allowed = "Authorization, Content-Type"
		}
		if r.Method != http.MethodOptions { // the question of a browser before the request itself
			h.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Headers", allowed)
		header.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
		header.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

// The API is at https://api.example.com. The pages at https://app.example.com, the same site, call
// it with cookies: fetch(url, {method: "POST", credentials: "include", …}). Those at
// https://partner.example, another site, get no cookies there, and use tokens: a second handler of
// the same Service.
func Example_otherOrigins() {
	svc := newService()
	pages := newHandler(svc, &httpx.Options{Cookies: true, TrustedOrigins: []string{"https://app.example.com"}})
	tokens := newHandler(svc, &httpx.Options{Prefix: "/token-auth"})
	mux := http.NewServeMux()
	mux.Handle("/auth/", allowOrigin("https://app.example.com", true, pages))
	mux.Handle("/token-auth/", allowOrigin("https://partner.example", false, tokens))

	send := func(method, path, origin, relation, body string) {
		r := httptest.NewRequest(method, "https://api.example.com"+path, strings.NewReader(body))
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", relation)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(method, path, "from", origin+":", w.Code)
		fmt.Printf("  allowed: %q, with cookies: %q\n", w.Header().Get("Access-Control-Allow-Origin"), w.Header().Get("Access-Control-Allow-Credentials"))
		fmt.Println("  cookies:", len(w.Result().Cookies()), "tokens in the body:", strings.Contains(w.Body.String(), "access_token"))
	}
	const account = `{"email":"ada@example.com","password":"Engine#1843!"}`
	send("OPTIONS", "/auth/login", "https://app.example.com", "same-site", "")
	send("POST", "/auth/login", "https://app.example.com", "same-site", account)
	send("POST", "/auth/login", "https://blog.example.com", "same-site", account)
	send("POST", "/auth/login", "https://partner.example", "cross-site", account)
	send("POST", "/token-auth/login", "https://partner.example", "cross-site", account)
	// Output:
	// OPTIONS /auth/login from https://app.example.com: 204
	//   allowed: "https://app.example.com", with cookies: "true"
	//   cookies: 0 tokens in the body: false
	// POST /auth/login from https://app.example.com: 200
	//   allowed: "https://app.example.com", with cookies: "true"
	//   cookies: 3 tokens in the body: false
	// POST /auth/login from https://blog.example.com: 403
	//   allowed: "", with cookies: ""
	//   cookies: 0 tokens in the body: false
	// POST /auth/login from https://partner.example: 403
	//   allowed: "", with cookies: ""
	//   cookies: 0 tokens in the body: false
	// POST /token-auth/login from https://partner.example: 200
	//   allowed: "https://partner.example", with cookies: ""
	//   cookies: 0 tokens in the body: true
}
