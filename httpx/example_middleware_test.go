package httpx_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/throttle"
)

// loginAda starts a session of the account that newService made.
func loginAda(svc *kit.Service) string {
	tokens, err := svc.Login(context.Background(), "ada@example.com", "Engine#1843!")
	if err != nil {
		panic(err)
	}
	return string(tokens.AccessToken)
}

// statusOf is the status and the code of an answer.
func statusOf(h http.Handler, path, accessToken string) string {
	status, body, _ := strings.Cut(get(h, path, accessToken), " ")
	if _, code, ok := strings.Cut(body, `"code":"`); ok {
		return status + " " + strings.TrimRight(code, `"}`)
	}
	return status + " " + body
}

// newHandler serves svc, and panics where an application would return the error.
func newHandler(svc *kit.Service, opts *httpx.Options) *httpx.Handler {
	auth, err := httpx.New(svc, opts)
	if err != nil {
		panic(err)
	}
	return auth
}

// RequireToken checks the token and nothing else, so it fits services without a
// store; a service apart from the auth server has NewMiddleware for it. The price is a
// window, as the last line shows.
func ExampleMiddleware_RequireToken() {
	svc := newService()
	token := loginAda(svc)
	auth := newHandler(svc, nil)
	prices := auth.RequireToken(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := httpx.ClaimsFrom(r.Context())
		fmt.Fprint(w, "prices, roles ", claims.Roles)
	}))
	fmt.Println(statusOf(prices, "/prices", token))
	fmt.Println(statusOf(prices, "/prices", token+"x"))

	user, err := svc.UserByEmail(context.Background(), "ada@example.com")
	if err != nil {
		panic(err)
	}
	if _, err := svc.Deactivate(context.Background(), user.ID); err != nil {
		panic(err)
	}
	fmt.Println(statusOf(prices, "/prices", token)) // until the token expires
	fmt.Println(statusOf(auth.RequireUser(prices), "/prices", token))
	// Output:
	// 200 prices, roles []
	// 401 invalid_token
	// 200 prices, roles []
	// 403 account_disabled
}

// RequireRole stands inside one of the others. Inside RequireUser a role counts at
// once; inside RequireToken it counts from the next refresh on.
func ExampleMiddleware_RequireRole() {
	svc := newService()
	auth := newHandler(svc, nil)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the back office") })
	mux := http.NewServeMux()
	mux.Handle("GET /office", auth.RequireUser(auth.RequireRole("admin", "support")(page)))
	mux.Handle("GET /fast-office", auth.RequireToken(auth.RequireRole("admin", "support")(page)))

	token := loginAda(svc)
	fmt.Println(statusOf(mux, "/office", token))
	user, err := svc.UserByEmail(context.Background(), "ada@example.com")
	if err != nil {
		panic(err)
	}
	if _, err := svc.AddRole(context.Background(), user.ID, "support"); err != nil {
		panic(err)
	}
	fmt.Println(statusOf(mux, "/office", token))
	fmt.Println(statusOf(mux, "/fast-office", token))
	fmt.Println(statusOf(mux, "/fast-office", loginAda(svc)))
	// Output:
	// 403 insufficient_role
	// 200 the back office
	// 403 insufficient_role
	// 200 the back office
}

// RequireVerified keeps what needs a proved address from accounts without one,
// which may log in otherwise.
func ExampleHandler_RequireVerified() {
	svc := newService()
	invite := newHandler(svc, nil).RequireVerified(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "sent") }))
	token := loginAda(svc)
	fmt.Println(statusOf(invite, "/invite", token))
	// Output: 403 email_not_verified
}

// What could take the account away asks for a login of the last minutes (kit.Options.RecentLogin),
// with the second factor if the account has one.
func ExampleHandler_RequireRecent() {
	store := memstore.New()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, Now: func() time.Time { return now },
		OnEvent: func(context.Context, kit.Event) {},
	})
	if err != nil {
		panic(err)
	}
	if _, err := svc.Register(context.Background(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		panic(err)
	}
	export := newHandler(svc, nil).RequireRecent(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "everything") }))
	token := loginAda(svc)
	fmt.Println(statusOf(export, "/export", token))
	now = now.Add(11 * time.Minute)
	fmt.Println(statusOf(export, "/export", token))
	// Output:
	// 200 everything
	// 401 reauthentication_required
}

// RequireLive refuses the access token of a device that was logged out, which RequireUser accepts
// until it expires.
func ExampleHandler_RequireLive() {
	svc := newService()
	auth := newHandler(svc, nil)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the plans") })
	token := loginAda(svc)
	fmt.Println(statusOf(auth.RequireLive(page), "/plans", token))
	claims, err := svc.Verifier().Verify(token)
	if err != nil {
		panic(err)
	}
	if err := svc.EndSession(context.Background(), claims.Subject, claims.SessionID); err != nil {
		panic(err)
	}
	fmt.Println(statusOf(auth.RequireLive(page), "/plans", token))
	fmt.Println(statusOf(auth.RequireUser(page), "/plans", token))
	// Output:
	// 200 the plans
	// 401 revoked_token
	// 200 the plans
}

// Tools of the OAuth 2.0 password flow log in with a form. Its field username holds
// the email.
func ExampleNew_formLogin() {
	h := newHandler(newService(), nil)
	r := httptest.NewRequest(http.MethodPost, "/auth/login", strings.NewReader("grant_type=password&username=ada%40example.com&password=Engine%231843%21"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `"token_type":"bearer","expires_in":1800`))
	// Output: 200 true
}

// Behind a router that cuts a part of the path off.
func ExampleNew_prefix() {
	svc := newService()
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", newHandler(svc, &httpx.Options{
		Prefix:       "/accounts",     // what reaches the handler
		PublicPrefix: "/api/accounts", // what clients see
	})))
	fmt.Println(statusOf(mux, "/api/accounts/me", ""))
	fmt.Println(statusOf(mux, "/api/accounts/unknown", ""))
	// Output:
	// 401 missing_token
	// 404 not_found
}

// A hook may refuse with a problem of the application's own; anything else that it
// returns and package kit does not know is a 500 without a word of it.
func ExampleProblemOf() {
	store := memstore.New()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		OnEvent: func(context.Context, kit.Event) {},
		Hooks: kit.Hooks{BeforeRegister: func(context.Context, kit.Registration) error {
			return &kit.Problem{Status: http.StatusForbidden, Code: "invitation_needed", Detail: "Ask somebody for an invitation."}
		}},
	})

	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/auth/register", strings.NewReader(`{"email":"eve@example.com","username":"Eve","password":"Engine#1843!"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	newHandler(svc, nil).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 403 {"type":"about:blank","title":"Forbidden","status":403,"detail":"Ask somebody for an invitation.","code":"invitation_needed"}
}

// A handler of the application that calls the Service itself, outside /auth: behind WithClient
// the limiter, the audit stream and the list of sessions know the client there too.
func ExampleHandler_WithClient() {
	svc := newService()
	auth := newHandler(svc, nil)
	signIn := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := svc.Login(r.Context(), r.PostFormValue("email"), r.PostFormValue("password")); err != nil {
			auth.WriteError(w, r, err)
			return
		}
		client := kit.ClientOf(r.Context())
		fmt.Fprint(w, client.IP, " ", client.UserAgent)
	})
	r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader("email=ada%40example.com&password=Engine%231843%21"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "Lynx/2.9")
	w := httptest.NewRecorder()
	auth.WithClient(signIn).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 192.0.2.1 Lynx/2.9
}

// office is a limiter that admits loopback addresses only.
type office struct{}

func (office) Begin(_ context.Context, a throttle.Attempt) (throttle.Charge, error) {
	if !a.IP.IsLoopback() {
		return nil, &throttle.LimitError{RetryAfter: 90 * time.Second}
	}
	return nil, nil
}

// A limiter sees the address of the client: the other end of the connection, unless that
// is a trusted proxy.
func ExampleOptions_trustedProxies() {
	store := memstore.New()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{Limiter: office{}})
	if err != nil {
		panic(err)
	}
	login := func(h http.Handler) {
		r := httptest.NewRequest(http.MethodPost, "/auth/login", strings.NewReader(`{"email":"ada@example.com","password":"Engine#1843!"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		r.RemoteAddr = "127.0.0.1:40000" // the proxy
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Retry-After"))
	}
	login(newHandler(svc, &httpx.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}))
	// Output: 429 90
}
