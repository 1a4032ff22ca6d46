package httpx

import (
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit"
)

// routeMethods are the methods that a route may have. HEAD comes with GET, and OPTIONS is the
// application's: see the package comment.
var routeMethods = []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodPut}

// routePath is what the path of a route may be, so that OpenAPI can describe it: segments of
// text, or a wildcard alone in its segment.
var routePath = regexp.MustCompile(`^(/([A-Za-z0-9._~-]+|\{[a-z_]+\}))+$`)

// mount puts the routes into the mux. An error names the route that is not one, or the two
// that conflict.
func (h *Handler) mount(routes []kit.Route) error {
	var patterns []string
	for _, rt := range routes {
		name := rt.Method + " " + rt.Path
		if !slices.Contains(routeMethods, rt.Method) || !routePath.MatchString(rt.Path) || path.Clean(rt.Path) != rt.Path {
			return fmt.Errorf("httpx: the route %s: its method must be one of %v, and its path have segments of letters, digits, '-', '.', '_', '~', or of one {wildcard}", name, routeMethods)
		}
		pattern := rt.Method + " " + h.options.Prefix + rt.Path
		handler := h.traced(pattern, func(w http.ResponseWriter, r *http.Request) string { return h.serve(w, r, rt) })
		if err := register(h.mux, pattern, handler); err != nil {
			for i, earlier := range patterns {
				if conflict(earlier, pattern) {
					return fmt.Errorf("httpx: the routes %s %s and %s conflict: a request may match both, and neither is more specific", routes[i].Method, routes[i].Path, name)
				}
			}
			return fmt.Errorf("httpx: the route %s: %w", name, err)
		}
		patterns = append(patterns, pattern)
		if !slices.Contains(h.methods, rt.Method) {
			h.methods = append(h.methods, rt.Method)
		}
	}
	slices.Sort(h.methods)
	h.mux.HandleFunc("/", h.traced(traceUnmatched, h.refuse))
	return nil
}

// register returns the panic of a ServeMux as an error.
func register(mux *http.ServeMux, pattern string, handler http.Handler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	mux.Handle(pattern, handler)
	return nil
}

// conflict reports whether one mux cannot hold both patterns.
func conflict(a, b string) bool {
	mux, none := http.NewServeMux(), http.NotFoundHandler()
	return register(mux, a, none) == nil && register(mux, b, none) != nil
}

// refuse answers what no route matches: 405 where another method would, and otherwise 404. A
// ServeMux alone would say it in plain text.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request) (outcome string) {
	var allow []string
	other := *r
	for _, other.Method = range h.methods {
		if _, pattern := h.mux.Handler(&other); pattern != "/" {
			allow = append(allow, other.Method)
			if other.Method == http.MethodGet {
				allow = append(allow, http.MethodHead)
			}
		}
	}
	err := errNotFound
	if allow != nil {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		err = errMethodNotAllowed
	}
	return h.writeError(w, r, err, false)
}

// routable reports whether a ServeMux takes the path as it is. To others it answers
// with a redirect or plain text, and no path of ours is among them. Wildcards are text: some
// stores fail on a NUL or on invalid UTF-8 in an ID.
func routable(r *http.Request) bool {
	p := r.URL.EscapedPath()
	if !strings.HasPrefix(p, "/") || r.RequestURI == "*" || !utf8.ValidString(r.URL.Path) || strings.ContainsFunc(r.URL.Path, unicode.IsControl) {
		return false
	}
	clean := path.Clean(p)
	return p == clean || len(p) == len(clean)+1 && strings.HasPrefix(p, clean) && p[len(clean)] == '/'
}
