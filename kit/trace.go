package kit

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"myauth.internal/kit/internal/mailqueue"
	"myauth.internal/kit/password"
)

// Operation is one piece of work that Extension.Trace hears of. Both its fields are of a bounded
// set, so they can be labels of metrics: no part of a request is in them.
type Operation struct {
	Kind OperationKind
	// Name says which one of its kind it is.
	Name string
}

// OperationKind is what an [Operation] is about.
type OperationKind string

// The kinds of operations. Later versions may add others.
const (
	// OperationRequest is a request that package httpx answers. Its name is the pattern of the
	// route, such as "GET /auth/sessions/{id}", or of a page; "unmatched" for what is none. Its
	// outcome is "ok" or the code of the problem, such as "invalid_credentials"; "error" of one
	// without a code, or of a request that was cut off.
	OperationRequest OperationKind = "request"
	// OperationStore is one call of a store, such as "users.ByEmail" or "tokens.Update". Its
	// outcome is "ok", "not_found", "conflict", "unavailable", "canceled" or "error".
	OperationStore OperationKind = "store"
	// OperationHash is "hash" or "compare": a password hash, and waiting for a turn. Its outcome is
	// "ok", whether the password was right or not, "unavailable", "canceled" or "error".
	OperationHash OperationKind = "hash"
	// OperationMail is an attempt to send a mail; its name is the [MailKind]. It belongs to
	// no request. Its outcome is "ok", "skipped" if no account was to get it, "spaced" if the
	// mailbox had another too recently, "unavailable" if a store or the relay did not answer,
	// "canceled" when the Service closes, or "error", as of a relay that refuses.
	OperationMail OperationKind = "mail"
)

// tracing is the Extension.Trace of all features. A nil one is that of none, and costs nothing.
type tracing struct {
	tracers []func(context.Context, Operation) (context.Context, func(outcome string))
	logger  *slog.Logger
}

// span is an operation that has begun. The zero one is of no tracer.
type span struct {
	by *tracing
	// Most programs have one tracer, for which nothing is allocated here.
	first func(outcome string)
	rest  []func(outcome string)
}

// begin tells the tracers in their order. Each gets the context of the one before, and the work
// runs in that of the last.
func (t *tracing) begin(ctx context.Context, op Operation) (context.Context, span) {
	if t == nil {
		return ctx, span{}
	}
	s := span{by: t}
	for _, trace := range t.tracers {
		inner, end := t.ask(ctx, trace, op)
		if inner != nil {
			ctx = inner
		}
		switch {
		case end == nil:
		case s.first == nil:
			s.first = end
		default:
			s.rest = append(s.rest, end)
		}
	}
	return ctx, s
}

// end tells the tracers in the reverse order. It is deferred, so that they hear of each end once,
// also of one by a panic: then outcome is still the empty one.
func (s span) end(ctx context.Context, outcome *string) {
	if s.first == nil {
		return
	}
	o := *outcome
	if o == "" {
		o = "error"
	}
	for _, end := range slices.Backward(s.rest) {
		s.by.tell(ctx, end, o)
	}
	s.by.tell(ctx, s.first, o)
}

// ask and tell survive a panic: who watches the work must not make it fail.
func (t *tracing) ask(ctx context.Context, trace func(context.Context, Operation) (context.Context, func(string)), op Operation) (inner context.Context, end func(string)) {
	defer t.survive(ctx)
	return trace(ctx, op)
}

func (t *tracing) tell(ctx context.Context, end func(string), outcome string) {
	defer t.survive(ctx)
	end(outcome)
}

func (t *tracing) survive(ctx context.Context) {
	if p := recover(); p != nil {
		logPanic(ctx, t.logger, "a tracer", p)
	}
}

// addTracer adds the tracer of one feature. The guards of the stores are there before it.
func (s *Service) addTracer(trace func(context.Context, Operation) (context.Context, func(string))) {
	if s.tracing == nil {
		s.tracing = &tracing{logger: s.opts.Logger}
		for _, g := range []*storeGuard{s.users.storeGuard, s.tokens.storeGuard, s.credentials.storeGuard} {
			g.tracing = s.tracing
		}
	}
	s.tracing.tracers = append(s.tracing.tracers, trace)
}

// Traced reports whether a feature has an Extension.Trace.
func (s *Service) Traced() bool { return s.tracing != nil }

// Trace does work as an operation that the features' tracers hear of, and in the context that
// they return. work returns the outcome. It is for HTTP layers: package httpx calls it for each
// request, if [Service.Traced].
func (s *Service) Trace(ctx context.Context, op Operation, work func(context.Context) (outcome string)) {
	inner, span := s.tracing.begin(ctx, op)
	var outcome string
	defer span.end(ctx, &outcome)
	outcome = work(inner)
}

// storeOutcome names what a call of a store returned, as storeError classifies it.
func storeOutcome(err error) string {
	switch {
	case errors.Is(err, ErrNotFound):
		return "not_found"
	case errors.Is(err, ErrConflict), errors.Is(err, ErrUserExists):
		return "conflict"
	}
	return workOutcome(err)
}

func workOutcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrUnavailable), errors.Is(err, password.ErrBusy):
		return "unavailable"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	}
	return "error"
}

func mailOutcome(err error) string {
	switch {
	case errors.Is(err, mailqueue.ErrSkip):
		return "skipped"
	case errors.Is(err, mailqueue.ErrSpaced):
		return "spaced"
	case errors.Is(err, context.DeadlineExceeded): // of the attempt or of the mailer: no request is behind it
		return "unavailable"
	}
	return workOutcome(err)
}
