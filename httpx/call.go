package httpx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"myauth.internal/kit"
)

// called takes what a route answers, in place of the client.
type called struct {
	http.ResponseWriter // of the page, for its headers
	page                *http.Request
	answer              kit.Answer
	err                 error
}

// logged is an internal error that the log has.
type logged struct{ error }

func (e logged) Unwrap() error { return e.error }

// Call serves a page that the server makes: it asks a route of the Handler, such as "POST /login"
// or "DELETE /sessions/ID", below the prefix, in the name of the client that sent r, whose
// cookies, address and context it has. body is written as JSON; nil is none. A [kit.Secret], such as
// the mfa_token among the Members of a problem, becomes a string first: as JSON it is "[redacted]". So
// the form of a page goes the way of the API, and no flow is written twice:
//
//	_, err := auth.Call(w, r, "POST /login", map[string]string{"email": email, "password": password})
//
// The cookies of the answer are set on w, and nothing else is written. The answer has the JSON of
// the route as its Body, and in cookie mode no tokens. What the route refuses is an error;
// [ProblemOf] says how to show it, and what that leaves out is in the log. In cookie mode a
// request r that a page of another origin makes, by a form for example, is refused with
// cross_origin, whatever the route, as the API does. A GET is not: do not change anything for one.
func (h *Handler) Call(w http.ResponseWriter, r *http.Request, route string, body any) (kit.Answer, error) {
	method, path, ok := strings.Cut(route, " ")
	if !ok || !strings.HasPrefix(path, "/") {
		return kit.Answer{}, fmt.Errorf("httpx: Call needs a method and a path, such as \"POST /login\", and got %q", route)
	}
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return kit.Answer{}, fmt.Errorf("httpx: Call of %s: %w", route, err)
		}
		text = bytes.NewReader(b)
	}
	inner, err := http.NewRequestWithContext(r.Context(), method, h.options.Prefix+path, text)
	if err != nil {
		return kit.Answer{}, fmt.Errorf("httpx: Call of %s: %w", route, err)
	}
	inner.RemoteAddr, inner.Host, inner.TLS = r.RemoteAddr, r.Host, r.TLS
	for name, values := range afterAnswer(r, w.Header()).Header {
		if !entityHeader(name) {
			inner.Header[name] = values
		}
	}
	if body != nil {
		inner.Header.Set("Content-Type", mediaJSON)
	}
	c := &called{ResponseWriter: w, page: r}
	h.ServeHTTP(c, inner)
	return c.answer, c.err
}

// entityHeader reports whether a header is about the body of a request, or about what the client
// has of its answer.
func entityHeader(name string) bool {
	return strings.HasPrefix(name, "Content-") || strings.HasPrefix(name, "If-") || name == "Transfer-Encoding" || name == "Range" || name == "Sec-Fetch-Dest"
}

// asked returns the request that r is served for: of the page that calls the route, or r.
func asked(w http.ResponseWriter, r *http.Request) *http.Request {
	if c, ok := w.(*called); ok {
		return c.page
	}
	return r
}

// take is send for a call.
func (c *called) take(r *http.Request, a *kit.Answer) {
	c.answer = *a
	setCookies(c, r, a)
}

// fail is writeError for a call.
func (c *called) fail(m *Middleware, r *http.Request, err error) (code string) {
	if code = m.problemOf(r, err).Code; code == codeInternal {
		err = logged{err}
	}
	c.Header().Del("Allow") // which is no header of the page
	c.err = err
	return code
}
