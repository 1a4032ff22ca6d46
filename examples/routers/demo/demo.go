// Package demo is what the examples of routers have in common: a Service whose
// users live in memory, and a route of an application.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// Service returns a Service that forgets everything with the process, and sends no
// mail.
func Service(opts *kit.Options) (*kit.Service, error) {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	keys, err := accesstoken.HMAC(secret)
	if err != nil {
		return nil, err
	}
	store := memstore.New()
	return kit.New(store.Users(), store.Tokens(), keys, opts)
}

// Hello greets the user that RequireUser has let through.
func Hello(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	fmt.Fprintf(w, "Hello, %s!\n", user.Username)
}

// Serve serves what router makes of MyAuth's handler, until a signal.
func Serve(opts *httpx.Options, router func(*httpx.Handler) http.Handler) {
	addr := flag.String("addr", "127.0.0.1:8080", "listen address; port 0 picks a free one")
	flag.Parse()
	svc, err := Service(nil)
	if err != nil {
		log.Fatal(err)
	}
	auth, err := httpx.New(svc, opts)
	if err != nil {
		log.Fatal(err)
	}
	err = serve(*addr, router(auth))
	if err := errors.Join(err, svc.Close(context.Background())); err != nil {
		log.Fatal(err)
	}
}

// serve answers on addr until SIGINT or SIGTERM, and then lets running requests end.
// The timeouts cut off clients that stall, which would keep their connections for ever.
func serve(addr string, handler http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	log.Printf("listening on http://%s", l.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop() // a second signal ends the process at once
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
