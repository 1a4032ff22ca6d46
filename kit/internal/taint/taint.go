// Package taint shows what an operator sees of a Service, for tests that look for secrets in it: the
// log in both formats, the events, the metrics, and what is traced.
package taint

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"myauth.internal/kit"
	"myauth.internal/kit/metrics"
)

// Watch is a feature that keeps what is seen.
type Watch struct {
	metrics *metrics.Metrics

	mu   sync.Mutex
	seen strings.Builder
}

// Add adds a Watch to the features of o, and takes its log. An OnEvent stays: the events are seen all
// the same.
func Add(o *kit.Options) *Watch {
	w := &Watch{metrics: metrics.New()}
	debug := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}
	o.Logger = slog.New(slog.NewMultiHandler(slog.NewTextHandler(w, debug), slog.NewJSONHandler(w, debug)))
	o.Features = append(o.Features, w, w.metrics)
	return w
}

// withoutTime leaves the time out of the log: its digits could be those of a code.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Name returns "taint".
func (*Watch) Name() string { return "taint" }

// Attach is called by [kit.New].
func (w *Watch) Attach(*kit.Core) (kit.Extension, error) {
	return kit.Extension{
		Observe: func(_ context.Context, e kit.Event) { fmt.Fprintf(w, "event %+v %#v\n", e, e) },
		Trace: func(_ context.Context, op kit.Operation) (context.Context, func(string)) {
			fmt.Fprintf(w, "operation %s %s\n", op.Kind, op.Name)
			return nil, func(outcome string) { fmt.Fprintf(w, "outcome %s\n", outcome) }
		},
	}, nil
}

// Write is that of the log.
func (w *Watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen.Write(p)
}

// page is what a handler writes.
type page struct {
	strings.Builder
	header http.Header
}

func (p *page) Header() http.Header { return p.header }
func (*page) WriteHeader(int)       {}

// Find returns what stands before each of the secrets that were seen. An empty one is an error of the
// test.
func (w *Watch) Find(secrets ...string) (found []string) {
	scrape := &page{header: http.Header{}}
	w.metrics.ServeHTTP(scrape, &http.Request{Method: http.MethodGet})
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.seen.String()
	for line := range strings.Lines(scrape.String()) {
		if !strings.Contains(line, "_sum{") { // which is digits, as codes are
			text += line
		}
	}
	for _, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			found = append(found, text[max(0, at-100):at]+"…")
		}
	}
	return found
}
