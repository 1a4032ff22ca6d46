//go:build !js

package main

import (
	"bytes"
	"compress/gzip"
	"testing"
)

// The program is at most 2 MB on the way to a browser, with brotli at its best. Go has no
// brotli, which then takes 0.71 of gzip's size here.
func TestSize(t *testing.T) {
	if n := packed(t, buildSite(t)["page.wasm"]); n > 2_800_000 {
		t.Errorf("page.wasm has %d bytes with gzip: see what is linked that it does not need", n)
	}
}

// BenchmarkPage builds the page and reports how large its program is, as it is and packed.
func BenchmarkPage(b *testing.B) {
	var program []byte
	for b.Loop() {
		files, err := build(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		program = files["page.wasm"]
	}
	b.ReportMetric(float64(len(program))/1e6, "MB")
	b.ReportMetric(float64(packed(b, program))/1e6, "MB-gzip")
}

// packed returns how large a file is with gzip.
func packed(t testing.TB, file []byte) int {
	t.Helper()
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Len()
}
