// Package httpx puts HTTP in front of a [kit.Service]: a plain [net/http.Handler]
// with the routes of MyAuth, middleware that protects an application's own routes,
// and the conversion of errors to problem details (RFC 9457). It needs nothing but
// the standard library and package kit.
//
//	svc, err := kit.New(store.Stores(), keys, nil)
//	auth, err := httpx.New(svc, nil)
//	mux := http.NewServeMux()
//	mux.Handle("/auth/", auth)
//	mux.Handle("/", auth.Pages()) // where the links in mails lead; /reset-password also sends them
//	mux.Handle("GET /orders", auth.RequireUser(orders))
//	mux.Handle("GET /prices", auth.RequireToken(prices)) // no look-up
//	mux.Handle("GET /office", auth.RequireUser(auth.RequireRole("admin")(office)))
//	mux.Handle("DELETE /shop", auth.RequireRecent(closing)) // a recent login
//	mux.Handle("GET /plans", auth.RequireLive(plans)) // a session that was not logged out
//	server := &http.Server{Addr: ":8080", Handler: mux, ReadTimeout: 10 * time.Second}
//
// A service that has the keys and not the users makes its middleware with
// [NewMiddleware]. GET /auth/openapi.json describes exactly the routes that there are:
// [Options].Without leaves out a [Group] of them.
//
// # Features
//
// The handler serves the routes of the Service's features ([kit.Route]) in the same frame as
// MyAuth's own: it verifies the access token, reads and bounds the body, looks the user up, puts
// the client into the context, and writes the answer or the problem. [New] refuses two routes that
// conflict, and a route that the feature's OpenAPI fragment does not describe. A handler of the
// application's that calls the Service itself goes behind [Handler.WithClient], and refuses with
// [Middleware.WriteError].
//
// # Mounting
//
// The handler looks at the whole path of the request, prefix included, so it goes
// under any router that hands paths on unchanged:
//
//	mux.Handle("/auth/", auth)               // net/http
//	r.Mount("/auth", auth)                   // chi
//	e.Any("/auth/*", echo.WrapHandler(auth)) // Echo
//	g.Any("/auth/*path", gin.WrapH(auth))    // Gin
//
// Another place is [Options].Prefix. Behind a router or proxy that cuts a part of
// the path off, Prefix is what is left, and Options.PublicPrefix what clients see:
//
//	auth, err := httpx.New(svc, &httpx.Options{Prefix: "/auth", PublicPrefix: "/api/auth"})
//	http.Handle("/api/", http.StripPrefix("/api", auth))
//
// Every answer is the handler's own: an unknown path, a double slash and a trailing
// slash are 404, another method is 405 with Allow. That includes OPTIONS: CORS is up to
// the application, in a middleware around the handler.
//
// # Cookies
//
// A web application sets [Options].Cookies. Then the tokens are in cookies that no script can read,
// and in no body: an injected script can act while its page is open, but has nothing to take away. A
// program that is no browser, and pages on another site, use tokens instead; a second Handler of the
// same Service, without Cookies and under another prefix, is for them.
//
//	auth, err := httpx.New(svc, &httpx.Options{Cookies: true})
//	mux.Handle("/auth/", auth)
//	mux.Handle("GET /notes", auth.RequireSignIn("/sign-in", showError)(notes))
//	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
//		form := map[string]string{"email": r.FormValue("email"), "password": r.FormValue("password")}
//		if _, err := auth.Call(w, r, "POST /login", form); err != nil {
//			showSignIn(w, r, httpx.ProblemOf(err)) // mfa_required has its mfa_token in Members
//			return
//		}
//		http.Redirect(w, r, cookie.Next(r.FormValue("next")), http.StatusSeeOther)
//	})
//
// There is an access token, which costs no look-up of the session, and a refresh token, which
// renews it: RequireUser and the others do that by themselves when the access token has expired,
// whatever number of pages load at once. The new tokens come with the answer of the page. A browser
// that never gets it, because its user went on or the network broke off, still has the old refresh
// token: within kit.Options.RefreshGrace the next request gets the new ones again, and later the old
// one counts as stolen, so the session ends and the user signs in again. So raise the grace of 10
// seconds, to at most 5 minutes, for pages that take longer to begin their answer, or bad networks. A
// thief's copy is found out by a later renewal then.
//
// An answer that renews the session has the cookies of its user, and Cache-Control: no-store. A page
// that sets Cache-Control itself must not make it public, or a shared cache hands them to others.
//
// A request that changes something must come from a page of this origin or of one in
// Options.TrustedOrigins, by [http.CrossOriginProtection]; others get 403 with cross_origin. A GET
// passes, so it must not change anything, unless it opens a WebSocket. That renews no session, since
// libraries that open one leave out the cookies of the answer: when it is refused, let the page
// fetch GET /auth/me, and connect again. A page on another subdomain of the same site also
// needs CORS headers with credentials; SameSite=Lax keeps the cookies from pages of other sites
// whatever the headers say. The example OtherOrigins has both.
//
// A proxy must hand the Host header on (nginx: proxy_set_header Host $host), for the origin is
// compared with it. On http://localhost alone the cookies are not Secure and have no __Host- before
// their names, since not all browsers would keep them.
//
// # Tools of OAuth 2.0
//
// Without Options.Cookies, POST /auth/login is also a token endpoint (RFC 6749) for the password
// grant and the refresh of its tokens: a form with grant_type. That is all that
// golang.org/x/oauth2, requests-oauthlib and FastAPI's documentation pages need:
//
//	config := oauth2.Config{Endpoint: oauth2.Endpoint{
//		TokenURL: "https://example.com/auth/login", AuthStyle: oauth2.AuthStyleInParams,
//	}}
//	token, err := config.PasswordCredentialsToken(ctx, email, password)
//	client := config.Client(ctx, token) // which refreshes by itself
//
// Errors of such a form have the shape of RFC 6749, section 5.2, and are not problem
// details. Client credentials and scopes are ignored. (Without AuthStyle, x/oauth2 tries
// a wrong password twice to find out how to send client credentials.) The password grant has
// no place for a second factor: where one is due, it answers invalid_grant, and a client that
// can ask for one logs in with JSON.
//
// # Time and size
//
// A body is read up to 64 KiB, at once or in chunks. The handler sets no deadline for
// it: set ReadTimeout of the [net/http.Server] (and ReadHeaderTimeout, WriteTimeout,
// IdleTimeout). Calls of the store are bounded by [kit.Options].StoreTimeout.
//
// # Refusals
//
// Each 401 has a WWW-Authenticate header, as RFC 9110 section 15.5.2 requires. It names
// the realm, and for a token in the Authorization header also the error (RFC 6750); not
// after a login, or for a token in the body. Where a recent login is asked for, it says how
// recent (RFC 9470). The middleware and WriteError do the same.
package httpx
