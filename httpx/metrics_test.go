package httpx

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/metrics"
)

// TestMetricsOfAFlood: odd paths, methods, queries, addresses and identifiers add no label and no
// sample beyond those of the routes.
func TestMetricsOfAFlood(t *testing.T) {
	m := metrics.New()
	rg := newRig(t, Options{}, func(o *kit.Options) { o.Features = []kit.Feature{m} })
	scrape := func() string {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Body.String()
	}
	flood := func(n, times int) {
		for i := n; i < n+times; i++ {
			secret := fmt.Sprintf("s3cr3t-%d", i)
			for _, r := range []*http.Request{
				httptest.NewRequest("GET", "/auth/"+secret, nil),
				httptest.NewRequest("GET", "/auth/me?token="+secret, nil),
				httptest.NewRequest(strings.ToUpper(secret), "/auth/me", nil),
				httptest.NewRequest("DELETE", "/auth/sessions/"+secret, nil),
				httptest.NewRequest("GET", "/auth//"+secret, nil),
				httptest.NewRequest("POST", "/auth/login", strings.NewReader(`{"email":"`+secret+`@example.com","password":"`+secret+`"}`)),
			} {
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("User-Agent", secret)
				r.Header.Set("Authorization", "Bearer "+secret)
				r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:80", i/250, i%250)
				rg.ServeHTTP(httptest.NewRecorder(), r)
			}
		}
	}
	flood(0, 10)
	before := strings.Count(scrape(), "\n")
	flood(10, 500)
	after := scrape()
	if lines := strings.Count(after, "\n"); lines != before {
		t.Errorf("%d lines after the flood, %d before", lines, before)
	}
	if strings.Contains(strings.ToLower(after), "s3cr3t") || strings.Contains(after, "10.0.") || strings.Contains(after, "example.com") {
		t.Error("something of a request is in a label")
	}
	for _, want := range []string{
		`myauth_request_duration_seconds_count{route="unmatched",outcome="not_found"} 1020`, `myauth_request_duration_seconds_count{route="unmatched",outcome="method_not_allowed"} 510`,
		`myauth_request_duration_seconds_count{route="POST /auth/login",outcome="invalid_credentials"} 510`, `myauth_request_duration_seconds_count{route="DELETE /auth/sessions/{id}",outcome="invalid_token"} 510`,
	} {
		if !strings.Contains(after, want+"\n") {
			t.Errorf("no %s in %s", want, after)
		}
	}
}

// BenchmarkMetrics is GET /auth/me within the process, with metrics and without.
func BenchmarkMetrics(b *testing.B) {
	for _, c := range []struct {
		name     string
		features []kit.Feature
	}{{"without", nil}, {"myauth", []kit.Feature{metrics.New()}}} {
		rg := newRig(b, Options{}, func(o *kit.Options) { o.Features = c.features })
		r := httptest.NewRequest(http.MethodGet, "/auth/me", nil)
		r.Header.Set("Authorization", "Bearer "+rg.accessToken(b))
		b.Run(c.name, func(b *testing.B) {
			w := blank{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				rg.ServeHTTP(w, r)
			}
		})
	}
}
