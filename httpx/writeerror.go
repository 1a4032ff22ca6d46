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
	"time"
)

// WriteError answers r with err as problem details, in the shape of MyAuth's own
// routes: see [ProblemOf]. It is for an application's own handlers, instead of
// [http.Error], before anything was written.
//
// A 401 gets a WWW-Authenticate header, and a Retry-After goes with 429 and 503. What
// becomes internal_error is logged to slog.Default(), with the stack, and not shown.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	standalone().write(w, r, err, len(r.Header["Authorization"]) > 0)
}

// errorWriter answers with problems in the name of one realm.
type errorWriter struct {
	realm  string
	logger *slog.Logger
}

// standalone is the errorWriter of what has no Options.
func standalone() errorWriter { return errorWriter{defaultRealm, slog.Default()} }

// write answers r with err. bearer says that the token err is about, if any, was
// presented in the Authorization header.
func (e errorWriter) write(w http.ResponseWriter, r *http.Request, err error, bearer bool) {
	p := e.problemOf(r, err)
	refusal := reply{status: p.Status, mediaType: "application/problem+json", body: p.encode()}
	var grant *grantError
	if errors.As(err, &grant) {
		p = grantProblem(p)
		refusal = reply{status: p.Status, body: encodeGrantError(p), pragma: noCache}
	}
	header := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Language", "Etag", "Last-Modified"} {
		header.Del(name) // of what would have been the answer
	}
	if c := e.challenge(p, bearer); c != "" {
		header.Set("WWW-Authenticate", c)
	}
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	}
	send(w, r, refusal)
}

// problemOf is [ProblemOf], and logs what the client is not told.
func (e errorWriter) problemOf(r *http.Request, err error) Problem {
	p := ProblemOf(err)
	if p.Code == codeInternal {
		if gone(r, err) {
			return ProblemOf(r.Context().Err())
		}
		e.log(r, err)
	}
	return p
}

// gone reports whether err, which nothing explains, is but the echo of a context
// that has ended: mostly of a client that no longer listens.
func gone(r *http.Request, err error) bool {
	var crash *panicError
	return r.Context().Err() != nil && !errors.As(err, &crash)
}

// log keeps what the client is not told. It names the route by its pattern, since a
// path or query may hold anything.
func (e errorWriter) log(r *http.Request, err error) {
	stack := debug.Stack
	var crash *panicError
	if errors.As(err, &crash) {
		stack = func() []byte { return crash.stack }
	}
	text := "none"
	if err != nil {
		text = err.Error()
	}
	e.logger.LogAttrs(r.Context(), slog.LevelError, "httpx: internal error",
		slog.String("method", r.Method), slog.String("route", r.Pattern),
		slog.String("err", text), slog.String("stack", string(stack())))
}

// challenge returns the WWW-Authenticate header of p (RFC 6750, section 3), or "".
func (e errorWriter) challenge(p Problem, bearer bool) string {
	c := `Bearer realm="` + e.realm + `"`
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

func (p *Problem) encode() []byte { return encode(p) }

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

// guard calls f and returns its panic, if any, as an error. [http.ErrAbortHandler]
// goes on its way: with it a handler wants the connection cut.
func guard(f func() error) (err error) {
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
