// Command hooks is an application whose registrations are checked by a plug-in:
//
//	go run ./examples/wasm/hooks                   # with the plug-in in guest/
//	go run ./examples/wasm/hooks -plugin my.wasm   # with another one
package main

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
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"myauth.internal/examples/wasm/hooks/plugin"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

func main() {
	file := flag.String("plugin", "", "the module; without one, that of guest/ is built")
	addr := flag.String("addr", "127.0.0.1:8080", "listen address; port 0 picks a free one")
	flag.Parse()
	if err := run(context.Background(), *file, *addr); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file, addr string) error {
	var module []byte
	var err error
	if file == "" {
		log.Print("building the plug-in in guest/, which takes a minute the first time")
		module, err = build(ctx)
	} else {
		module, err = os.ReadFile(file)
	}
	if err != nil {
		return err
	}
	p, err := plugin.Load(ctx, module, nil, nil)
	if err != nil {
		return err
	}
	svc, err := newService(&kit.Options{Hooks: kit.Hooks{BeforeRegister: p.BeforeRegister}})
	if err != nil {
		return errors.Join(err, p.Close(ctx))
	}
	auth, err := httpx.New(svc, nil)
	if err == nil {
		err = serve(addr, auth)
	}
	return errors.Join(err, svc.Close(ctx), p.Close(ctx))
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

// newService keeps its users in memory.
func newService(opts *kit.Options) (*kit.Service, error) {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	keys, err := accesstoken.HMAC(secret)
	if err != nil {
		return nil, err
	}
	store := memstore.New()
	return kit.New(store.Users(), store.Tokens(), keys, opts)
}

// build compiles the plug-in in guest/ with the Go toolchain.
func build(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "plugin-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "guest.wasm")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file,
		"myauth.internal/examples/wasm/hooks/guest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	return os.ReadFile(file)
}
