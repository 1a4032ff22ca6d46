package httpx

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"

	"myauth.internal/kit"
)

// Handler serves MyAuth's routes, and its methods protect the application's own. It is
// safe for concurrent use. Make one with [New]; a zero Handler panics when it is used.
type Handler struct {
	// Middleware has RequireToken, RequireRole and WriteError.
	Middleware
	svc     *kit.Service
	options Options
	openapi []byte
	mux     *http.ServeMux
}

// New returns the handler of MyAuth's routes. It keeps no state besides svc, so any
// number of handlers may serve one Service.
//
// An error names the option that is out of bounds, or says why the page template fails.
func New(svc *kit.Service, opts *Options) (*Handler, error) {
	if svc == nil {
		return nil, errors.New("httpx: New needs a kit.Service")
	}
	m, err := NewMiddleware(svc.Verifier(), opts)
	if err != nil {
		return nil, err
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Handler{Middleware: *m, svc: svc, options: o, openapi: openapiDocument(o.PublicPrefix), mux: http.NewServeMux()}
	if err := h.checkTemplate(); err != nil {
		return nil, err
	}
	allow := map[string]string{} // the methods of each path
	for _, rt := range h.routes() {
		path := o.Prefix + rt.path
		h.mux.HandleFunc(rt.method+" "+path, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, rt) })
		if allow[path] != "" {
			allow[path] += ", "
		}
		allow[path] += rt.method
		if rt.method == http.MethodGet {
			allow[path] += ", HEAD" // the pattern GET matches both
		}
	}
	// A ServeMux alone would answer other methods and paths as plain text.
	for path, methods := range allow {
		h.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", methods)
			h.writeError(w, r, errMethodNotAllowed, false)
		})
	}
	h.mux.HandleFunc("/", h.notFound)
	return h, nil
}

// route is one of the handler's routes: what serve does before and after its own
// function, and the function, which turns a call into a whole reply.
type route struct {
	method, path string
	access       access
	body         bodyType
	serve        func(context.Context, call) (reply, error)
}

// access says who may call a route.
type access int

const (
	public     access = iota
	activeUser        // the user of a valid access token
)

// call is a request on its way through a route.
type call struct {
	header http.Header
	body   content
	user   kit.User // with access activeUser
}

// routes is the whole surface. openapi.json describes each of them.
func (h *Handler) routes() []route {
	return []route{
		{"POST", "/register", public, jsonBody, h.register},
		{"POST", "/login", public, jsonOrForm, h.login},
		{"POST", "/refresh", public, jsonBody, h.refresh},
		{"POST", "/logout", public, jsonBody, h.logout},
		{"POST", "/password-reset-request", public, jsonBody, h.requestPasswordReset},
		{"POST", "/password-reset", public, jsonBody, h.resetPassword},
		{"POST", "/verify-email-request", public, jsonBody, h.requestEmailVerification},
		{"POST", "/verify-email", public, jsonBody, h.verifyEmail},
		{"POST", "/verify-email/deny", public, jsonBody, h.denyEmail},
		{"GET", "/me", activeUser, noBody, h.me},
		{"GET", "/openapi.json", public, noBody, h.serveOpenAPI},
		{"GET", "/.well-known/jwks.json", public, noBody, h.serveJWKS},
	}
}

// serve answers a request for a route.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, rt route) {
	var answer reply
	c := call{header: r.Header}
	err := catchPanic(func() (err error) {
		ctx := r.Context()
		if rt.body != noBody {
			if c.body, err = readContent(r, rt.body == jsonOrForm); err != nil {
				return err
			}
			ctx = h.withClient(r)
		}
		if len(r.Header["Authorization"]) > 1 {
			return errManyAuthorizations
		}
		if rt.access == activeUser {
			id, err := h.authenticate(r)
			if err != nil {
				return err
			}
			c.user = id.user
		}
		answer, err = rt.serve(ctx, c)
		return err
	})
	if err != nil {
		if c.body.isGrant() {
			err = &grantError{err}
		}
		h.writeError(w, r, err, rt.access != public)
		return
	}
	send(w, r, answer)
}

// withClient returns the context of r with the address of its client. A connection
// without an address, such as one over a Unix socket, leaves the address that the
// application may have put there.
func (h *Handler) withClient(r *http.Request) context.Context {
	if addr := clientAddress(r, h.options.TrustedProxies); addr.IsValid() {
		return kit.WithClientIP(r.Context(), addr)
	}
	return r.Context()
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !routable(r) {
		h.notFound(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) notFound(w http.ResponseWriter, r *http.Request) {
	h.writeError(w, r, errNotFound, false)
}

// routable reports whether a ServeMux takes the path as it is. To others it answers
// with a redirect or plain text, and no path of ours is among them.
func routable(r *http.Request) bool {
	p := r.URL.EscapedPath()
	if !strings.HasPrefix(p, "/") || r.RequestURI == "*" {
		return false
	}
	clean := path.Clean(p)
	return p == clean || len(p) == len(clean)+1 && strings.HasPrefix(p, clean) && p[len(clean)] == '/'
}
