// Command otel shows MyAuth in traces of OpenTelemetry: one feature, in spans.go, makes a span of each
// request and of the store calls, password hashes and mails within it.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"log"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "listen address")
	proxied := flag.Bool("traceparent", false, "go on with the trace of the caller: only behind a proxy that sets the header itself")
	flag.Parse()
	log.Fatal(run(*addr, *proxied))
}

func run(addr string, proxied bool) error {
	exporter, err := stdouttrace.New(stdouttrace.WithPrettyPrint())
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "auth"))))
	defer func() { _ = provider.Shutdown(context.Background()) }()
	handler, err := newHandler(provider, proxied)
	if err != nil {
		return err
	}
	log.Print("listening on http://" + addr)
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// newHandler is /auth over memory, with spans.
func newHandler(provider *sdktrace.TracerProvider, proxied bool) (http.Handler, error) {
	keys, err := accesstoken.HMAC([]byte(rand.Text() + rand.Text()))
	if err != nil {
		return nil, err
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{
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
