// Command otel shows MyAuth in traces of OpenTelemetry: one feature, in spans.go, makes a span of each
// request and of the store calls, password hashes and mails within it.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

func main() {
	addr := demo.Addr()
	proxied := flag.Bool("traceparent", false, "go on with the trace of the caller: only behind a proxy that sets the header itself")
	flag.Parse()
	if err := run(*addr, *proxied); err != nil {
		log.Fatal(err)
	}
}

func run(addr string, proxied bool) (err error) {
	exporter, err := stdouttrace.New(stdouttrace.WithPrettyPrint())
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "auth"))))
	defer func() { err = errors.Join(err, provider.Shutdown(context.Background())) }()
	handler, err := newHandler(provider, proxied)
	if err != nil {
		return err
	}
	return demo.Serve(addr, handler)
}

// newHandler is /auth over memory, with spans.
func newHandler(provider *sdktrace.TracerProvider, proxied bool) (http.Handler, error) {
	svc, err := demo.Service(&kit.Options{
		Features: []kit.Feature{spans{provider.Tracer("myauth.internal/kit")}},
	})
	if err != nil {
		return nil, err
	}
	auth, err := httpx.New(svc, nil)
	if err != nil {
		return nil, err
	}
	if proxied {
		return continued(auth), nil
	}
	return auth, nil
}
