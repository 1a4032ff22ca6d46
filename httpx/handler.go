package httpx

import (
	"context"
	"net/http"
	"path"
	"strings"

	"myauth.internal/kit"
)

// New returns the handler of MyAuth's routes. It is safe for concurrent use and
// holds nothing but svc, so any number of them may stand in front of one.
//
// As a call whose arguments are written in the program, it panics when svc is nil or
// an option is out of bounds, with a message that names it: [regexp.MustCompile]
// does so for the same reason.
func New(svc *kit.Service, opts *Options) http.Handler {
	if svc == nil {
		panic("httpx: New needs a kit.Service")
	}
	o := opts.withDefaults()
	h := &handler{
		svc:     svc,
		clients: clientAddresses{o.TrustedProxies},
		errors:  errorWriter{o.Realm, o.Logger},
		public:  o.PublicPrefix,
		openapi: openapiDocument(o.PublicPrefix),
		mux:     http.NewServeMux(),
	}
	post := func(route string, e func(context.Context, content) (reply, error), forms bool) {
		h.route(http.MethodPost, o.Prefix+route, func(r *http.Request) (answer reply, err error) {
			var c content
			err = guard(func() (err error) {
				if c, err = readContent(r, forms); err != nil {
					return err
				}
				if len(r.Header["Authorization"]) > 1 {
					return errManyAuthorizations
				}
				ctx := r.Context()
				// Without an address of its own, as on a Unix socket, the connection
				// leaves the one that the application may have put there.
				if addr := h.clients.of(r); addr.IsValid() {
					ctx = kit.WithClientIP(ctx, addr)
				}
				answer, err = e(ctx, c)
				return err
			})
			if err != nil && c.grant {
				err = &grantError{err}
			}
			return answer, err
		})
	}
	get := func(route string, e endpoint) {
		h.route(http.MethodGet, o.Prefix+route, func(r *http.Request) (answer reply, err error) {
			err = guard(func() (err error) {
				answer, err = e(r)
				return err
			})
			return answer, err
		})
	}
	post("/register", h.register, false)
	post("/login", h.login, true)
	post("/refresh", h.refresh, false)
	post("/logout", h.logout, false)
	post("/password-reset-request", h.requestPasswordReset, false)
	post("/password-reset", h.resetPassword, false)
	post("/verify-email-request", h.requestEmailVerification, false)
	post("/verify-email", h.verifyEmail, false)
	post("/verify-email/deny", h.denyEmail, false)
	get("/me", h.me)
	get("/openapi.json", h.serveOpenAPI)
	get("/.well-known/jwks.json", h.serveJWKS)
	h.mux.HandleFunc("/", h.notFound)
	return h
}

// handler is the routes over one Service.
type handler struct {
	svc     *kit.Service
	clients clientAddresses
	errors  errorWriter
	public  string // the prefix that clients see
	openapi []byte
	mux     *http.ServeMux
}

// endpoint is one route's own part: from the request to the whole reply. A panic has
// become an error on the way.
type endpoint func(r *http.Request) (reply, error)

// route registers an endpoint, and for its path the answer to every other method,
// which a ServeMux alone would give as plain text.
func (h *handler) route(method, path string, e endpoint) {
	h.mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		answer, err := e(r)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		send(w, r, answer)
	})
	allow := method
	if method == http.MethodGet {
		allow = "GET, HEAD" // the pattern GET matches both
	}
	h.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		h.fail(w, r, errMethodNotAllowed)
	})
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !routable(r) {
		h.notFound(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

func (h *handler) notFound(w http.ResponseWriter, r *http.Request) { h.fail(w, r, errNotFound) }

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

// fail answers with err. Only GET routes take a token from the Authorization header;
// on the others it is not what an error is about.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.ProtoMajor == 1 && unread(err) {
		// The server does not read the rest of the body then, to keep the connection.
		w.Header().Set("Connection", "close")
	}
	h.errors.write(w, r, err, r.Method != http.MethodPost)
}
