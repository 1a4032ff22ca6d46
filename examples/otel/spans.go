package main

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"myauth.internal/kit"
)

// spans is a feature that makes each operation of MyAuth a span. Names and attributes are those of
// [kit.Operation], so nothing about a user, and no part of a request, is in a trace.
type spans struct{ tracer trace.Tracer }

func (spans) Name() string { return "spans" }

func (s spans) Attach(*kit.Core) (kit.Extension, error) { return kit.Extension{Trace: s.trace}, nil }

func (s spans) trace(ctx context.Context, op kit.Operation) (context.Context, func(outcome string)) {
	kind, name := trace.SpanKindInternal, op.Name
	switch op.Kind {
	case kit.OperationRequest:
		kind = trace.SpanKindServer
	case kit.OperationStore:
		kind = trace.SpanKindClient
	case kit.OperationMail:
		kind, name = trace.SpanKindClient, "mail "+op.Name
	}
	ctx, span := s.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attribute.String("myauth.kind", string(op.Kind))))
	return ctx, func(outcome string) {
		span.SetAttributes(attribute.String("myauth.outcome", outcome))
		if failed[outcome] {
			span.SetStatus(codes.Error, outcome)
		}
		span.End()
	}
}

// failed are the outcomes that are somebody's fault. That a password was wrong, or that there is no such
// record, is not.
var failed = map[string]bool{"error": true, "unavailable": true, "internal_error": true, "service_unavailable": true}

// continued lets a trace begin where the caller began it, by the traceparent header of W3C Trace Context.
// Anybody can send one, so it is for handlers behind a proxy or a gateway that sets it: whoever sends one
// chooses the ID of the trace, and whether it is sampled.
func continued(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
