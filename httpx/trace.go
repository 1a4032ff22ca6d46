package httpx

import (
	"context"
	"net/http"

	"myauth.internal/kit"
)

const (
	// traceOK is the outcome of a request that was not refused.
	traceOK = "ok"
	// traceUnmatched names all requests that are for no route: the pattern is none, and the path
	// may be anything.
	traceUnmatched = "unmatched"
)

// traced returns serve as the operation that the tracers of features know by name, such as the
// pattern of a route: see [kit.OperationRequest]. serve returns its outcome. Without a tracer it
// is serve.
func (h *Handler) traced(name string, serve func(http.ResponseWriter, *http.Request) (outcome string)) http.HandlerFunc {
	if !h.svc.Traced() {
		return func(w http.ResponseWriter, r *http.Request) { serve(w, r) }
	}
	op := kit.Operation{Kind: kit.OperationRequest, Name: name}
	return func(w http.ResponseWriter, r *http.Request) {
		h.svc.Trace(r.Context(), op, func(ctx context.Context) string { return serve(w, r.WithContext(ctx)) })
	}
}
