package hostile

import (
	"io"
	"net/http"
	"strings"
)

// Answer is a handler for Script.Instead that answers a status and a JSON value.
func Answer(status int, value any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, status, value) })
}

// Down answers 503.
func Down() http.Handler { return Answer(http.StatusServiceUnavailable, JSON{}) }

// Redirect sends the request elsewhere.
func Redirect(to string) http.Handler { return http.RedirectHandler(to, http.StatusTemporaryRedirect) }

// Large answers a JSON object of 5 MiB that is well-formed.
func Large() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"x":"`))
		chunk := []byte(strings.Repeat("x", 1<<16))
		for range 5 << 20 / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		_, _ = w.Write([]byte(`"}`))
	})
}

// Slow answers nothing, until the client has left. Within testing/synctest that takes no time.
func Slow() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http sees that a client has left after its body only
		<-r.Context().Done()
	})
}

// Gone closes the connection without an answer.
func Gone() http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}
