package httpx

import (
	"errors"
	"net/http"
	"sync"

	"myauth.internal/kit"
)

// Handler serves MyAuth's routes and those of the Service's features, and its methods protect
// the application's own. It is safe for concurrent use. Make one with [New]; a zero Handler
// panics when it is used.
type Handler struct {
	// Middleware has RequireToken, RequireRole and WriteError.
	Middleware
	svc     *kit.Service
	options Options
	openapi func() ([]byte, error) // made once
	mux     *http.ServeMux
	// unroutable answers what a ServeMux would not leave to a route.
	unroutable http.HandlerFunc
	methods    []string // of all routes, for the Allow header
}

// New returns the handler of MyAuth's routes and of those that the features of svc bring. It
// keeps no state besides svc, so any number of handlers may serve one Service.
//
// An error names the option that is out of bounds, says why the page template fails, or names
// the routes of features that conflict or that their OpenAPI fragments do not describe.
func New(svc *kit.Service, opts *Options) (*Handler, error) {
	if svc == nil {
		return nil, errors.New("httpx: New needs a kit.Service")
	}
	m, err := NewMiddleware(svc.Verifier(), opts)
	if err != nil {
		return nil, err
	}
	m.recentLogin = svc.RecentLogin()
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.Cookies && svc.RefreshGrace() < 0 {
		return nil, errors.New("httpx: Options.Cookies needs kit.Options.RefreshGrace: pages that load at once renew one session")
	}
	h := &Handler{Middleware: *m, svc: svc, options: o, mux: http.NewServeMux()}
	if err := h.checkTemplate(); err != nil {
		return nil, err
	}
	routes, fragments, err := h.leaveOut(append(h.routes(), svc.Routes()...), o.Without)
	if err != nil {
		return nil, err
	}
	h.unroutable = h.traced(traceUnmatched, func(w http.ResponseWriter, r *http.Request) string {
		return h.writeError(w, r, errNotFound, false)
	})
	if err := h.mount(routes); err != nil {
		return nil, err
	}
	describe := func() (*document, error) { return openAPI(o.PublicPrefix, routes, fragments, o.Cookies) }
	if len(fragments) > len(ownGroups) { // the fragment of a feature may be wrong
		if _, err := describe(); err != nil {
			return nil, err
		}
	}
	h.openapi = sync.OnceValues(func() ([]byte, error) {
		d, err := describe()
		if err != nil {
			return nil, err
		}
		return encode(d)
	})
	return h, nil
}

// routes are MyAuth's own. openapi.json describes each of them, or the fragment of its group.
func (h *Handler) routes() []kit.Route {
	const public, signedIn, recent = kit.Public, kit.SignedIn, kit.RecentlySignedIn
	const none, json, jsonOrForm = kit.NoBody, kit.JSONBody, kit.JSONOrForm
	login, token := jsonOrForm, json
	if h.options.Cookies { // the refresh token is no body's, and tools of OAuth 2.0 read theirs from one
		login, token = json, none
	}
	return []kit.Route{
		{Method: "POST", Path: "/register", Access: public, Body: json, Serve: h.register},
		{Method: "POST", Path: "/login", Access: public, Body: login, Serve: h.login},
		{Method: "POST", Path: "/refresh", Access: public, Body: token, Serve: h.refresh},
		{Method: "POST", Path: "/logout", Access: public, Body: token, Serve: h.logout},
		{Method: "POST", Path: "/password-reset-request", Access: public, Body: json, Serve: h.requestPasswordReset},
		{Method: "POST", Path: "/password-reset", Access: public, Body: json, Serve: h.resetPassword},
		{Method: "POST", Path: "/verify-email-request", Access: public, Body: json, Serve: h.requestEmailVerification},
		{Method: "POST", Path: "/verify-email", Access: public, Body: json, Serve: h.verifyEmail},
		{Method: "POST", Path: "/verify-email/deny", Access: public, Body: json, Serve: h.denyEmail},
		{Method: "GET", Path: "/me", Access: signedIn, Body: none, Serve: h.me},
		{Method: "PATCH", Path: "/me", Access: signedIn, Body: json, Serve: h.changeProfile},
		{Method: "DELETE", Path: "/me", Access: recent, Body: none, Serve: h.deleteAccount},
		{Method: "POST", Path: "/password-change", Access: signedIn, Body: json, Serve: h.changePassword},
		{Method: "POST", Path: "/email-change", Access: recent, Body: json, Serve: h.requestEmailChange},
		{Method: "POST", Path: "/email-change/confirm", Access: public, Body: json, Serve: h.confirmEmailChange},
		{Method: "POST", Path: "/reauthenticate", Access: signedIn, Body: json, Serve: h.reauthenticate},
		{Method: "GET", Path: "/sessions", Access: signedIn, Body: none, Serve: h.listSessions},
		{Method: "DELETE", Path: "/sessions/{id}", Access: signedIn, Body: none, Serve: h.endSession},
		{Method: "POST", Path: "/sessions/revoke-others", Access: signedIn, Body: none, Serve: h.endOtherSessions},
		{Method: "GET", Path: "/openapi.json", Access: public, Body: none, Serve: h.serveOpenAPI},
		{Method: "GET", Path: "/.well-known/jwks.json", Access: public, Body: none, Serve: h.serveJWKS},
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !routable(r) {
		h.unroutable(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}
