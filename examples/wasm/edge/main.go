// Command edge builds the guest that checks access tokens in front of an http-wasm
// host:
//
//	go run ./examples/wasm/edge -o edge.wasm
//
// The standard Go toolchain does the work. What is added is one name: Go exports the
// start of a reactor as _initialize, while http-wasm hosts call _start unless they
// are told otherwise.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
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
	return alias(guest, "_initialize", "_start")
}

const exportSection = 7

// alias gives an exported function of a WebAssembly module a second name
// (WebAssembly core specification, section 5.5.10).
func alias(module []byte, name, second string) ([]byte, error) {
	const header = 8 // "\0asm" and the version
	if len(module) < header || !bytes.HasPrefix(module, []byte("\x00asm")) {
		return nil, errors.New("not a WebAssembly module")
	}
	out := bytes.Clone(module[:header])
	rest := module[header:]
	for len(rest) > 0 {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errors.New("a section is longer than the module")
		}
		content := rest[1+n : 1+n+int(size)]
		if id == exportSection {
			var err error
			if content, err = addExport(content, name, second); err != nil {
				return nil, err
			}
		}
		out = append(out, id)
		out = binary.AppendUvarint(out, uint64(len(content)))
		out = append(out, content...)
		rest = rest[1+n+int(size):]
	}
	return out, nil
}

// addExport adds a copy of the entry called name, called second.
func addExport(section []byte, name, second string) ([]byte, error) {
	count, n := binary.Uvarint(section)
	entry := bytes.Index(section, append([]byte{byte(len(name))}, name...))
	if n <= 0 || entry < 0 {
		return nil, fmt.Errorf("the module exports no %s", name)
	}
	kind := section[entry+1+len(name):]
	_, size := binary.Uvarint(kind[1:])
	out := binary.AppendUvarint(nil, count+1)
	out = append(out, section[n:]...)
	out = append(out, byte(len(second)))
	out = append(out, second...)
	return append(out, kind[:1+size]...), nil
}
