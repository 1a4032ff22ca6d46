//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

// Command customstore serves /auth over a store of one's own: users and tokens in
// one file of JSON lines. README.md walks through it. It runs on Linux, macOS and the
// BSDs, where package syscall has Flock.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
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
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "listen address; port 0 picks a free one")
	flag.Parse()
	store := Open("auth.jsonl")
	keys, err := accesstoken.HMAC([]byte(rand.Text() + rand.Text())) // for this run
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(Users{store}, Tokens{store}, keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	auth, err := httpx.New(svc, nil)
	if err != nil {
		log.Fatal(err)
	}
	err = serve(*addr, auth)
	if err := errors.Join(err, svc.Close(context.Background()), store.Close()); err != nil {
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
