// Command edge builds the guest that checks access tokens in front of an http-wasm
// host:
//
//	go run ./examples/wasm/edge -o edge.wasm
//
// The standard Go toolchain does the work. What is added is the way in: see
// startOnce.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	out := flag.String("o", "edge.wasm", "the file to write")
	flag.Parse()
	dir, err := os.MkdirTemp("", "edge-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	guest, err := build(context.Background(), dir)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, guest, 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d bytes\n", *out, len(guest))
}

// build returns the guest; dir is for what the compiler writes.
func build(ctx context.Context, dir string) ([]byte, error) {
	file := filepath.Join(dir, "guest.wasm")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file,
		"myauth.internal/examples/wasm/edge/guest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	guest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return startOnce(guest)
}
