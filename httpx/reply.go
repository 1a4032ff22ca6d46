package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
)

// reply is a whole answer. Routes return one, and nothing is written before they
// are done, so whatever goes wrong on the way can still become a proper error.
type reply struct {
	status    int
	mediaType string // empty: application/json
	body      []byte // nil with 204 and 304 only
	location  string
	caching   string // the Cache-Control header; empty: no-store
	etag      string
	pragma    string
}

// accepted is the answer that is the same whether or not there is an account.
func accepted() reply {
	return reply{status: http.StatusAccepted, body: []byte(`{"status":"accepted"}`)}
}

// done is the empty answer of success.
func done() reply { return reply{status: http.StatusNoContent} }

// send writes a reply with the headers that every answer has.
func send(w http.ResponseWriter, r *http.Request, a reply) {
	header := w.Header()
	values := make([]string, 4) // of all headers at once: one allocation
	set := func(i int, name, value string) {
		values[i] = value
		header[name] = values[i : i+1 : i+1]
	}
	if a.caching == "" {
		a.caching = "no-store"
	}
	set(0, "Cache-Control", a.caching)
	set(1, "X-Content-Type-Options", "nosniff")
	if a.etag != "" {
		header.Set("Etag", a.etag)
	}
	if a.pragma != "" {
		header.Set("Pragma", a.pragma)
	}
	if a.location != "" {
		header.Set("Location", a.location)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	if a.mediaType == "" {
		a.mediaType = "application/json"
	}
	set(2, "Content-Type", a.mediaType)
	set(3, "Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		// A write fails when the client has gone, which is no fault to report.
		_, _ = w.Write(a.body)
	}
}

// WriteError answers r with err as problem details, in the shape of MyAuth's own
// routes: see [ProblemOf]. It is for an application's own handlers, instead of
// [http.Error], before anything was written.
//
// A 401 gets a WWW-Authenticate header, and a Retry-After goes with 429 and 503. An
// internal_error is logged, with the stack, and the client learns nothing of it.
func (m *Middleware) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	m.writeError(w, r, err, len(r.Header["Authorization"]) > 0)
}

// writeError answers r with err. bearer says that the token err is about, if any, was
// presented in the Authorization header.
func (m *Middleware) writeError(w http.ResponseWriter, r *http.Request, err error, bearer bool) {
	p := m.problemOf(r, err)
	refusal := reply{status: p.Status, mediaType: "application/problem+json", body: encode(&p)}
	var grant *grantError
	if errors.As(err, &grant) {
		p = grantProblem(p)
		refusal = reply{status: p.Status, body: encodeGrantError(p), pragma: noCache}
	}
	header := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Language", "Etag", "Last-Modified"} {
		header.Del(name) // of what would have been the answer
	}
	m.setErrorHeaders(w, r, err, p, bearer)
	send(w, r, refusal)
}

// setErrorHeaders sets the headers of an answer to err, which is p, whatever its body is.
func (m *Middleware) setErrorHeaders(w http.ResponseWriter, r *http.Request, err error, p Problem, bearer bool) {
	header := w.Header()
	if c := m.challenge(p, bearer); c != "" {
		header.Set("WWW-Authenticate", c)
	}
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(p.retrySeconds()))
	}
	if r.ProtoMajor == 1 && unread(err) {
		// The server does not read the rest of the body then, to keep the connection.
		header.Set("Connection", "close")
	}
}

// problemOf is [ProblemOf], and logs what the client is not told.
func (m *Middleware) problemOf(r *http.Request, err error) Problem {
	p := ProblemOf(err)
	if p.Code == codeInternal {
		if gone(r, err) {
			return ProblemOf(r.Context().Err())
		}
		m.log(r, err)
	}
	return p
}

// gone reports whether err, which nothing explains, follows from a context that
// has ended, mostly because the client has gone.
func gone(r *http.Request, err error) bool {
	var crash *panicError
	return r.Context().Err() != nil && !errors.As(err, &crash)
}

// log keeps what the client is not told. It names the route by its pattern, since a
// path or query may hold anything.
func (m *Middleware) log(r *http.Request, err error) {
	stack := debug.Stack
	var crash *panicError
	if errors.As(err, &crash) {
		stack = func() []byte { return crash.stack }
	}
	text := "none"
	if err != nil {
		text = err.Error()
	}
	m.logger.LogAttrs(r.Context(), slog.LevelError, "httpx: internal error",
		slog.String("method", r.Method), slog.String("route", r.Pattern),
		slog.String("err", text), slog.String("stack", string(stack())))
}

// challenge returns the WWW-Authenticate header of p (RFC 6750, section 3), or "".
func (m *Middleware) challenge(p Problem, bearer bool) string {
	c := `Bearer realm="` + m.realm + `"`
	switch {
	case p.Code == codeInsufficientRole && p.Status == http.StatusForbidden:
		return c + `, error="insufficient_scope"`
	case p.Status != http.StatusUnauthorized:
		return ""
	case !bearer:
		return c
	}
	switch p.Code {
	case codeInvalidToken, codeExpiredToken, codeRevokedToken:
		// The details of these are constants, in the characters of RFC 6750.
		return c + `, error="invalid_token", error_description="` + p.Detail + `"`
	}
	return c
}

// encode is v, of strings and numbers, as JSON.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // strings and an int
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// panicError is a panic on its way to the log.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// catchPanic calls f and returns its panic, if any, as an error. [http.ErrAbortHandler]
// goes on its way: with it a handler wants the connection cut.
func catchPanic(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				panic(v)
			}
			err = &panicError{v, debug.Stack()}
		}
	}()
	return f()
}
