package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"myauth.internal/kit"
	"myauth.internal/kit/metrics"
)

// monitoring serves GET /metrics on a listener that is not the public one. It is nil without
// MYAUTH_METRICS_ADDR, and then nothing is counted.
type monitoring struct {
	metrics *metrics.Metrics
	l       net.Listener
	server  *http.Server
	ended   chan struct{}
}

// listenForMetrics returns the monitoring of the settings, which answers once serve is called.
func listenForMetrics(ctx context.Context, s *settings) (*monitoring, error) {
	if s.metrics == "" {
		return nil, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.metrics)
	if err != nil {
		return nil, s.bad("MYAUTH_METRICS_ADDR", listenProblem(err))
	}
	return &monitoring{metrics: metrics.New(), l: l}, nil
}

// features is what the Service needs for it.
func (m *monitoring) features() []kit.Feature {
	if m == nil {
		return nil
	}
	return []kit.Feature{m.metrics}
}

func (m *monitoring) serve(logger *slog.Logger) {
	if m == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.metrics)
	mux.HandleFunc("GET /healthz", healthy)
	m.server, m.ended = newServer(mux, logger), make(chan struct{})
	go func() {
		defer close(m.ended)
		if err := m.server.Serve(m.l); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("metrics are not served any more", "err", err)
		}
	}()
	logger.Info("metrics are served", "url", baseURL(m.l.Addr())+"/metrics")
}

// close ends it, whether it was served or not. It comes after the public listener and the mails, so
// that the monitoring sees them end, and cuts a scrape off.
func (m *monitoring) close() {
	if m == nil {
		return
	}
	if m.server == nil {
		_ = m.l.Close() // the start has failed, which says more
		return
	}
	_ = m.server.Close() // of connections that only read
	<-m.ended
}

// sameListener reports whether two addresses cannot both be listened on: one port, and one host or
// all hosts.
func sameListener(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || isEveryHost(hostA) || isEveryHost(hostB)
}

func isEveryHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}
