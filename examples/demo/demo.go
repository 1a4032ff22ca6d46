// Package demo has what the example programs share, so that each of them shows one thing:
// a Service whose users live in memory, and a server that stops in order.
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

// Service returns a Service over memory with a secret of its own. It sends no mail unless
// opts has a Mailer.
func Service(opts *kit.Options) (*kit.Service, error) {
	keys, err := accesstoken.HMAC([]byte(rand.Text() + rand.Text()))
	if err != nil {
		return nil, err
	}
	store := memstore.New()
	return kit.New(store.Stores(), keys, opts)
}

// Hello greets the user that RequireUser has let through.
func Hello(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	fmt.Fprintf(w, "Hello, %s!\n", user.Username)
}

// Run is the main function of an example: it serves what router makes of MyAuth's handler, at
// the address of the flag -addr.
func Run(opts *kit.Options, web *httpx.Options, router func(*httpx.Handler) http.Handler) {
	addr := Addr()
	flag.Parse()
	svc, err := Service(opts)
	if err != nil {
		log.Fatal(err)
	}
	auth, err := httpx.New(svc, web)
	if err != nil {
		log.Fatal(err)
	}
	err = Serve(*addr, router(auth))
	if err := errors.Join(err, svc.Close(context.Background())); err != nil {
		log.Fatal(err)
	}
}

// Addr defines the flag -addr.
func Addr() *string {
	return flag.String("addr", "127.0.0.1:8080", "listen address; port 0 picks a free one")
}

// Serve answers on addr until SIGINT or SIGTERM, and then lets running requests end.
// The timeouts cut off clients that stall, which would keep their connections for ever.
func Serve(addr string, handler http.Handler) error {
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
