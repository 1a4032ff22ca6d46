// Command hooks is an application whose registrations are checked by a plug-in:
//
//	go run ./examples/wasm/hooks                   # with the plug-in in guest/
//	go run ./examples/wasm/hooks -plugin my.wasm   # with another one
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"myauth.internal/examples/demo"
	"myauth.internal/examples/wasm/hooks/plugin"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

func main() {
	file := flag.String("plugin", "", "the module; without one, that of guest/ is built")
	addr := demo.Addr()
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
	svc, err := demo.Service(&kit.Options{Hooks: kit.Hooks{BeforeRegister: p.BeforeRegister}})
	if err != nil {
		return errors.Join(err, p.Close(ctx))
	}
	auth, err := httpx.New(svc, nil)
	if err == nil {
		err = demo.Serve(addr, auth)
	}
	return errors.Join(err, svc.Close(ctx), p.Close(ctx))
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
