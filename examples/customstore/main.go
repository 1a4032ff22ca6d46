//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

// Command customstore shows how to write a store: it serves /auth over users, tokens and
// credentials in one file of JSON lines. README.md walks through it. It runs on Linux, macOS and the
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
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	auth, err := httpx.New(svc, nil)
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Without the timeouts, a client that stalls keeps its connection for ever.
	server := &http.Server{Handler: auth, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	go func() { log.Print(server.Serve(l)) }()
	log.Printf("listening on http://%s", l.Addr())
	<-ctx.Done()
	if err := errors.Join(server.Shutdown(context.Background()), svc.Close(context.Background()), store.Close()); err != nil {
		log.Fatal(err)
	}
}
