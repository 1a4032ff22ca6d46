package httpx

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"myauth.internal/kit"
)

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
// presented in the Authorization header. It returns the code of the problem.
func (m *Middleware) writeError(w http.ResponseWriter, r *http.Request, err error, bearer bool) (code string) {
	if c, ok := w.(*called); ok {
		return c.fail(m, r, err)
	}
	var p kit.Problem
	var body []byte
	mediaType := mediaProblem
	failure := catchPanic(func() (failure error) { // such as a nil *kit.Problem as err
		p = m.problemOf(r, err)
		var grant *grantError
		if errors.As(err, &grant) {
			p, mediaType = grantProblem(p), mediaJSON
			body = encodeGrantError(p)
			return nil
		}
		body, failure = encodeProblem(p)
		return failure
	})
	if failure != nil {
		p, err = m.problemOf(r, failure), failure
		body, _ = encodeProblem(p) // has no Members
	}
	header := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Language", "Etag", "Last-Modified"} {
		header.Del(name) // of what would have been the answer
	}
	m.setErrorHeaders(w, r, err, p, bearer)
	send(w, r, mediaType, &kit.Answer{Status: p.Status, Body: body})
	return p.Code
}

// setErrorHeaders sets the headers of an answer to err, which is p, whatever its body is.
func (m *Middleware) setErrorHeaders(w http.ResponseWriter, r *http.Request, err error, p kit.Problem, bearer bool) {
	header := w.Header()
	if c := m.challenge(p, bearer); c != "" {
		header.Set("WWW-Authenticate", c)
	}
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(seconds(p.RetryAfter)))
	}
	if r.ProtoMajor == 1 && unread(err) {
		// The server does not read the rest of the body then, to keep the connection.
		header.Set("Connection", "close")
	}
}

// problemOf is [ProblemOf], and logs what the client is not told.
func (m *Middleware) problemOf(r *http.Request, err error) kit.Problem {
	p := ProblemOf(err)
	if p.Code == codeInternal && !errors.As(err, new(logged)) {
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

// challenge returns the WWW-Authenticate header of p (RFC 6750, section 3, and RFC 9470), or "".
func (m *Middleware) challenge(p kit.Problem, bearer bool) string {
	c := `Bearer realm="` + m.realm + `"`
	switch {
	case p.Code == codeInsufficientRole && p.Status == http.StatusForbidden:
		return c + `, error="insufficient_scope"`
	case p.Status != http.StatusUnauthorized:
		return ""
	}
	switch p.Code {
	case codeReauthentication:
		c += `, error="insufficient_user_authentication"`
		if m.recentLogin > 0 {
			c += `, max_age="` + strconv.FormatInt(int64(m.recentLogin/time.Second), 10) + `"`
		}
	case codeInvalidToken, codeExpiredToken, codeRevokedToken:
		if bearer && quotable(p.Detail) {
			c += `, error="invalid_token", error_description="` + p.Detail + `"`
		}
	}
	return c
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
