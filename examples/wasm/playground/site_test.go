//go:build !js

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestHandler(t *testing.T) {
	files := site{"index.html": []byte("<p>"), "page.wasm": []byte("\x00asm"), "app.js": []byte("1")}
	h := files.handler()
	for _, tc := range []struct {
		method, path string
		status       int
		mediaType    string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/page.wasm", 200, "application/wasm"},
		{"GET", "/app.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/auth/me", 404, ""},
		{"POST", "/auth/login", 404, ""},
		{"GET", "/index.htm", 404, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, nil))
		if w.Code != tc.status {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.path, w.Code, tc.status)
		}
		if w.Code != http.StatusOK {
			continue
		}
		if got := w.Header().Get("Content-Type"); got != tc.mediaType {
			t.Errorf("%s: Content-Type %q, want %q", tc.path, got, tc.mediaType)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != csp {
			t.Errorf("%s: Content-Security-Policy %q", tc.path, got)
		}
	}
}

// The page must be as strict on a host that sends no policy.
func TestPolicyInThePage(t *testing.T) {
	page, err := static.ReadFile("static/index.html")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindSubmatch(page)
	if m == nil || string(m[1])+"; frame-ancestors 'none'" != csp {
		t.Errorf("index.html has another policy than the server's: %q", m)
	}
}

// Each file that the page names is there, and has a media type.
func TestOut(t *testing.T) {
	files := buildSite(t)
	dir := filepath.Join(t.TempDir(), "deep", "out")
	if err := files.write(dir); err != nil {
		t.Fatal(err)
	}
	onDisk := os.DirFS(dir)
	if index, err := fs.ReadFile(onDisk, "index.html"); err != nil || !bytes.Equal(index, files["index.html"]) {
		t.Errorf("index.html: %v", err)
	}
	named := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllSubmatch(files["index.html"], -1)
	for _, name := range append(named, [][]byte{nil, []byte("page.wasm")}) {
		if data, err := fs.ReadFile(onDisk, string(name[1])); err != nil || len(data) == 0 {
			t.Errorf("the page needs %s: %v", name[1], err)
		}
	}
	for name := range files {
		if mediaTypes[filepath.Ext(name)] == "" {
			t.Errorf("%s has no media type", name)
		}
	}
	// The files do not show where they were built.
	if here, err := os.Getwd(); err != nil || bytes.Contains(files["page.wasm"], []byte(here)) {
		t.Errorf("page.wasm names the directory %s (%v)", here, err)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, args := range [][]string{{"-port", "x"}, {"-port", "-1"}, {"out"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

func TestBuildStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := build(ctx); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "playground: ") {
		t.Errorf("got %v", err)
	}
}
