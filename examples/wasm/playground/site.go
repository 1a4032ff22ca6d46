package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed static
var static embed.FS

// program is the package that runs in the page. It is named by its import path, which
// is found from anywhere in the module or its workspace.
const program = "myauth.internal/examples/wasm/playground/page"

// csp lets the page load and run its own files, WebAssembly among them, and connect to
// their host only. index.html has the same policy, for hosts that send no such header,
// except for frame-ancestors, which only a header can set.
const csp = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// mediaTypes by extension. Package mime would ask the machine's own tables, and a
// browser compiles nothing that comes as anything but application/wasm.
var mediaTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

// site is the page's files by name: all that a static host needs.
type site map[string][]byte

// build compiles the program and puts it together with the files around it.
func build(ctx context.Context) (site, error) {
	files := site{}
	names, err := fs.Glob(static, "static/*")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if files[path.Base(name)], err = static.ReadFile(name); err != nil {
			return nil, err
		}
	}
	if files["page.wasm"], err = compile(ctx); err != nil {
		return nil, err
	}
	// It belongs to the compiler: that of another version does not fit.
	root, err := goCommand(ctx, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	files["wasm_exec.js"], err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, fmt.Errorf("playground: the Go installation lacks its JavaScript part: %w", err)
	}
	return files, nil
}

// compile returns the program as WebAssembly.
func compile(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "playground-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary file more or less
	file := filepath.Join(dir, "page.wasm")
	// Without names for debuggers, and without paths of the machine. Functions are inlined into
	// no others, whose copies and line tables are a tenth of what a browser loads. It matters
	// where much is computed in small functions: bcrypt's cipher, and the curve of passkeys.
	if _, err := goCommand(ctx, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-gcflags=all=-l",
		"-gcflags=golang.org/x/crypto/blowfish=", "-gcflags=crypto/internal/fips140/nistec/fiat=", "-o", file, program); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// goCommand runs the go command for the browser's platform and returns what it prints.
func goCommand(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("playground: go %s: %w (run it from the repository)\n%s", args[0], err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	return out, nil
}

// write puts the files into dir, which it makes if need be.
func (s site) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range s {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// handler serves the files, and 404 for everything else: /auth above all, which has no
// server here.
func (s site) handler() http.Handler {
	mux := http.NewServeMux()
	for name, data := range s {
		pattern := "GET /" + name
		if name == "index.html" {
			pattern = "GET /{$}"
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", mediaTypes[path.Ext(name)])
			h.Set("Content-Length", strconv.Itoa(len(data)))
			h.Set("Content-Security-Policy", csp)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-cache") // the next build has the same names
			_, _ = w.Write(data)               // the client is gone, or not: nothing to do about it
		})
	}
	return mux
}
