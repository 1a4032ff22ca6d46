package jsfetch

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// errAborted is a handler that panicked with [http.ErrAbortHandler]: it wants the
// connection cut, and to a caller of fetch that is a network error.
var errAborted = errors.New("jsfetch: the handler aborted the request")

// response is an [http.ResponseWriter] that keeps what is written. Only the handler's
// goroutine uses it.
type response struct {
	header http.Header // the handler's own, which it may go on changing
	head   bool        // the answer to HEAD, which has no body
	status int         // 0 until the header is sent
	sent   http.Header // header as it was then
	body   bytes.Buffer
}

func newResponse(method string) *response {
	return &response{header: http.Header{}, head: method == http.MethodHead}
}

// Header returns the header that is sent with the first write.
func (w *response) Header() http.Header { return w.header }

// WriteHeader settles status and header. As in net/http the first call counts, and a
// number that is no status is a bug of the handler, which must not pass unseen.
func (w *response) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("jsfetch: invalid WriteHeader code %d", status))
	}
	if w.status != 0 || status < 200 { // fetch shows no informational answers
		return
	}
	w.status = status
	w.sent = w.header.Clone()
}

// Write appends to the body, after a WriteHeader(200) if there was none. Its beginning
// says what type it is, unless the handler has.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	// A type that is there but nil is a handler's way to have none.
	if _, set := w.sent["Content-Type"]; !set && len(p) > 0 {
		w.sent.Set("Content-Type", http.DetectContentType(p))
	}
	if w.head {
		return len(p), nil
	}
	return w.body.Write(p)
}

// answer runs the handler. A panic is logged and answered 500, where net/http would
// cut the connection: a page cannot tell that from being offline.
func answer(h http.Handler, r *http.Request) (w *response, err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
			w, err = nil, errAborted
			return
		}
		slog.ErrorContext(r.Context(), "a handler panicked", "method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
		w = newResponse(r.Method) // nothing of the half-written one has left
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}()
	w = newResponse(r.Method)
	h.ServeHTTP(w, r)
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w, nil
}
