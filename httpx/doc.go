// Package httpx puts HTTP in front of a [kit.Service]: a plain [net/http.Handler]
// with the routes of MyAuth, middleware that protects an application's own routes,
// and the conversion of errors to problem details (RFC 9457). It needs nothing but
// the standard library and package kit.
//
//	svc, err := kit.New(store.Users(), store.Tokens(), keys, nil)
//	mux := http.NewServeMux()
//	mux.Handle("/auth/", httpx.New(svc, nil))
//	pages, err := httpx.Pages(svc, nil) // where the links in mails lead
//	mux.Handle("/", pages)
//	mux.Handle("GET /orders", httpx.RequireUser(svc)(orders))
//	mux.Handle("GET /prices", httpx.RequireToken(svc.Verifier())(prices)) // no look-up
//	mux.Handle("GET /office", httpx.RequireUser(svc)(httpx.RequireRole("admin")(office)))
//	server := &http.Server{Addr: ":8080", Handler: mux, ReadTimeout: 10 * time.Second}
//
// The surface itself is described by one document, openapi.json, which the handler
// serves too.
//
// # Mounting
//
// The handler looks at the whole path of the request, prefix included, so it goes
// under any router that hands paths on unchanged:
//
//	mux.Handle("/auth/", h)                          // net/http
//	r.Mount("/auth", h)                              // chi
//	e.Any("/auth/*", echo.WrapHandler(h))            // Echo
//	g.Any("/auth/*path", gin.WrapH(h))               // Gin
//
// Another place is [Options].Prefix. Behind a router or proxy that cuts a part of
// the path off, Prefix is what is left, and Options.PublicPrefix what clients see:
//
//	http.Handle("/api/", http.StripPrefix("/api", httpx.New(svc, &httpx.Options{
//		Prefix: "/auth", PublicPrefix: "/api/auth",
//	})))
//
// Whatever the handler is asked for, it answers itself, in its own shape: an
// unknown path, a double slash and a trailing slash are 404, another method is 405
// with Allow. OPTIONS is another method, since CORS is the application's, in a
// middleware around it.
//
// # Tools of OAuth 2.0
//
// POST /auth/login is also a token endpoint (RFC 6749) for the password grant and the
// refresh of its tokens: a form with grant_type. That is all that golang.org/x/oauth2,
// requests-oauthlib and the pages of FastAPI need:
//
//	config := oauth2.Config{Endpoint: oauth2.Endpoint{
//		TokenURL: "https://example.com/auth/login", AuthStyle: oauth2.AuthStyleInParams,
//	}}
//	token, err := config.PasswordCredentialsToken(ctx, email, password)
//	client := config.Client(ctx, token) // which refreshes by itself
//
// Errors of such a form have the shape of RFC 6749, section 5.2, and are not problem
// details. Client credentials and scopes are ignored. (Without AuthStyle, x/oauth2 tries
// a wrong password twice to find out how to send client credentials.)
//
// # Time and size
//
// A body is read up to 64 KiB, at once or in chunks. How long it may take to come
// is for the server that the handler runs in: the handler sets no deadline, so set
// [net/http.Server].ReadTimeout (and ReadHeaderTimeout, WriteTimeout, IdleTimeout).
// Behind the handler every call has its bounds: see [kit.Options].StoreTimeout.
//
// # Refusals
//
// The handler answers each 401 with a WWW-Authenticate header, as RFC 9110 section
// 15.5.2 wants: after a login, and for a token that came in the body, it names
// the realm only; the error attribute of RFC 6750 is kept for a token that was
// presented in the Authorization header. [WriteError] and the middleware do the same.
package httpx
