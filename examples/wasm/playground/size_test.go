//go:build !js

package main

import (
	"bytes"
	"compress/gzip"
	"testing"
)

// BenchmarkPage builds the page and reports how large its program is, as it is and as a host sends it.
func BenchmarkPage(b *testing.B) {
	var program []byte
	for b.Loop() {
		files, err := build(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		program = files["page.wasm"]
	}
	var sent bytes.Buffer
	w, err := gzip.NewWriterLevel(&sent, gzip.BestCompression)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Write(program); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(program))/1e6, "MB")
	b.ReportMetric(float64(sent.Len())/1e6, "MB-gzip")
}
