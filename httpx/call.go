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
	answer              kit.Answer
	err                 error
}

// Call serves a page that the server makes: it asks a route of the Handler, such as "POST /login"
// or "DELETE /sessions/ID", below the prefix, in the name of the client that sent r, whose
// cookies, address and context it has. body is written as JSON; nil is none. So the form of a page
// goes the way of the API, and no flow is written twice:
//
//	_, err := auth.Call(w, r, "POST /login", map[string]string{"email": email, "password": password})
//
// The cookies of the answer are set on w, and nothing else is written. The answer has the JSON of
// the route as its Body, and in cookie mode no tokens. What the route refuses is an error;
// [ProblemOf] says how to show it. A page must not call a route that changes anything before it
// knows that the form is its own: see [Middleware.RequireSameOrigin].
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
	for _, name := range []string{"Cookie", "Authorization", "User-Agent", "X-Forwarded-For"} {
		if values := r.Header[name]; values != nil {
			inner.Header[name] = values
		}
	}
	if body != nil {
		inner.Header.Set("Content-Type", mediaJSON)
	}
	c := &called{ResponseWriter: w}
	h.ServeHTTP(c, inner)
	return c.answer, c.err
}

// take is send for a call.
func (c *called) take(r *http.Request, a *kit.Answer, err error) {
	if c.err = err; err != nil {
		return
	}
	c.answer = *a
	setCookies(c, r, a)
}
