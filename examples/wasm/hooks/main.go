// Command hooks is an application whose registrations are checked by a plug-in:
//
//	go run ./examples/wasm/hooks                   # with the plug-in in guest/
//	go run ./examples/wasm/hooks -plugin my.wasm   # with another one
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"myauth.internal/examples/wasm/hooks/plugin"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

func main() {
	file := flag.String("plugin", "", "the module; without one, that of guest/ is built")
	flag.Parse()
	if err := serve(context.Background(), *file); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, file string) error {
	var module []byte
	var err error
	if file == "" {
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
	defer p.Close(ctx) //nolint:errcheck // the process ends
	svc, err := newService(&kit.Options{Hooks: kit.Hooks{BeforeRegister: p.BeforeRegister}})
	if err != nil {
		return err
	}
	log.Print("POST to http://127.0.0.1:8080/auth/register")
	return http.ListenAndServe("127.0.0.1:8080", httpx.New(svc, nil))
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
