package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

const password = "Correct-Horse-7"

// recorded is the program with what it exports.
type recorded struct {
	t *testing.T
	http.Handler
	exporter *tracetest.InMemoryExporter
	header   http.Header
}

func record(t *testing.T, proxied bool) *recorded {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	h, err := newHandler(provider, proxied)
	if err != nil {
		t.Fatal(err)
	}
	return &recorded{t, h, exporter, http.Header{"Content-Type": {"application/json"}, "User-Agent": {"secret-agent"}}}
}

// post sends a request and returns its spans by name.
func (r *recorded) post(want int, path, body string) map[string]tracetest.SpanStub {
	r.t.Helper()
	r.exporter.Reset()
	req := httptest.NewRequest("POST", path, strings.NewReader(body))
	req.Header = r.header
	w := httptest.NewRecorder()
	if r.ServeHTTP(w, req); w.Code != want {
		r.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	found := map[string]tracetest.SpanStub{}
	for _, span := range r.exporter.GetSpans() {
		found[span.Name] = span
		text := strings.ToLower(fmt.Sprint(span.Name, span.Attributes, span.Status, span.Events))
		for _, secret := range []string{password, "ada", "secret", "192.0.2.1"} {
			if strings.Contains(text, strings.ToLower(secret)) {
				r.t.Errorf("%q is in the span %s", secret, text)
			}
		}
	}
	return found
}

func outcome(span tracetest.SpanStub) string {
	for _, a := range span.Attributes {
		if a.Key == "myauth.outcome" {
			return a.Value.AsString()
		}
	}
	return ""
}

func TestSpansNest(t *testing.T) {
	r := record(t, false)
	r.post(201, "/auth/register", `{"email":"ada@example.com","username":"Ada","password":"`+password+`"}`)
	for _, c := range []struct {
		status   int
		password string
		outcome  string
	}{{200, password, "ok"}, {401, "secret-wrong", "invalid_credentials"}} {
		got := r.post(c.status, "/auth/login", `{"email":"ada@example.com","password":"`+c.password+`"}`)
		request := got["POST /auth/login"]
		if outcome(request) != c.outcome || request.SpanKind != trace.SpanKindServer || request.Parent.IsValid() || request.Status.Code != codes.Unset {
			t.Errorf("%+v", request)
		}
		for _, name := range []string{"compare", "users.ByEmail"} {
			span, ok := got[name]
			if !ok || span.Parent.SpanID() != request.SpanContext.SpanID() || span.SpanContext.TraceID() != request.SpanContext.TraceID() || outcome(span) != "ok" {
				t.Errorf("%s (%v) is not within the request: %+v", name, ok, span)
			}
		}
	}
}

// TestTraceparent is read only if the program says so.
func TestTraceparent(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, proxied := range []bool{false, true} {
		r := record(t, proxied)
		r.header.Set("traceparent", "00-"+id+"-00f067aa0ba902b7-01")
		request := r.post(401, "/auth/login", `{"email":"ada@example.com","password":"x"}`)["POST /auth/login"]
		if got := request.SpanContext.TraceID().String() == id; got != proxied || request.Parent.IsRemote() != proxied {
			t.Errorf("behind a proxy %v: the caller's trace goes on: %v", proxied, got)
		}
	}
}
