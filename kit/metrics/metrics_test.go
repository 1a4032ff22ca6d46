package metrics_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/metrics"
)

const password = "Correct-Horse-7"

func newService(t testing.TB, m *metrics.Metrics, others ...kit.Feature) *kittest.Kit {
	t.Helper()
	return kittest.New(t, func(o *kit.Options) { o.Features = append([]kit.Feature{m}, others...) })
}

// request is what an HTTP layer does.
func request(svc *kit.Service, name, outcome string) {
	svc.Trace(context.Background(), kit.Operation{Kind: kit.OperationRequest, Name: name}, func(context.Context) string { return outcome })
}

// TestMetrics counts a life of an account.
func TestMetrics(t *testing.T) {
	m := metrics.New()
	read(t, m) // before there is a Service
	k := newService(t, m)
	ctx := t.Context()
	if _, err := k.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: password}); err != nil {
		t.Fatal(err)
	}
	k.NextMail(kit.MailVerification)
	for _, pw := range []string{password, "wrong", "wrong"} {
		_, _ = k.Login(ctx, "ada@example.com", pw)
	}
	k.Faults.Inject("users.ByEmail", kittest.Down, 1)
	_, _ = k.Login(ctx, "ada@example.com", password)
	request(k.Service, "POST /auth/login", "ok")
	request(k.Service, "POST /auth/login", "invalid_credentials")
	if err := k.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s := read(t, m)
	s.want(t,
		`myauth_request_duration_seconds_count{route="POST /auth/login",outcome="ok"}`, 1,
		`myauth_request_duration_seconds_count{route="POST /auth/login",outcome="invalid_credentials"}`, 1,
		`myauth_store_call_duration_seconds_count{call="users.ByEmail",outcome="not_found"}`, 1,
		`myauth_store_call_duration_seconds_count{call="users.ByEmail",outcome="ok"}`, 3,
		`myauth_store_call_duration_seconds_count{call="users.ByEmail",outcome="unavailable"}`, 1,
		`myauth_store_unavailable_total{store="users"}`, 1,
		`myauth_store_unavailable_total{store="tokens"}`, 0,
		`myauth_password_hash_duration_seconds_count{operation="hash",outcome="ok"}`, 1,
		`myauth_password_hash_duration_seconds_count{operation="compare",outcome="ok"}`, 3,
		`myauth_password_hash_duration_seconds_bucket{operation="compare",outcome="ok",le="+Inf"}`, 3,
		`myauth_password_hashes_running`, 0,
		`myauth_mail_attempt_duration_seconds_count{kind="verification",outcome="ok"}`, 1,
		`myauth_mails_sent_total`, 1,
		`myauth_events_total{kind="user_registered"}`, 1,
		`myauth_events_total{kind="logged_in"}`, 1,
		`myauth_events_total{kind="login_failed"}`, 2,
	)
}

// TestReadme: what the README calls a metric is one.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New()
	newService(t, m)
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, name := range regexp.MustCompile(`myauth_[a-z_]+`).FindAllString(string(text), -1) {
		family := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
		if !strings.Contains(w.Body.String(), "# TYPE "+family+" ") {
			t.Errorf("no metric is called %s", name)
		}
	}
}

// TestDurations: an observation is in the bucket of its duration, to the bound itself.
func TestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New()
		k := newService(t, m)
		for _, took := range []time.Duration{0, time.Millisecond, time.Millisecond + 1, 240 * time.Millisecond, 10 * time.Second, 11 * time.Second} {
			k.Trace(t.Context(), kit.Operation{Kind: kit.OperationRequest, Name: "GET /x"}, func(context.Context) string {
				time.Sleep(took) // of the bubble's clock
				return "ok"
			})
		}
		bucket := func(le string) string {
			return `myauth_request_duration_seconds_bucket{route="GET /x",outcome="ok",le="` + le + `"}`
		}
		read(t, m).want(t, bucket("0.001"), 2, bucket("0.005"), 3, bucket("0.1"), 3, bucket("0.25"), 4, bucket("5"), 4, bucket("10"), 5, bucket("+Inf"), 6,
			`myauth_request_duration_seconds_sum{route="GET /x",outcome="ok"}`, "21.242000001")
		_ = k.Close(t.Context())
	})
}

// emitter is a feature that passes on what events a test wants.
type emitter struct{ core *kit.Core }

func (*emitter) Name() string { return "emitter" }
func (e *emitter) Attach(core *kit.Core) (kit.Extension, error) {
	e.core = core
	return kit.Extension{}, nil
}

// TestLabelsAreBounded: a feature or an application that makes up kinds, names and outcomes, as many
// as it likes and of whatever bytes, fills one more sample.
func TestLabelsAreBounded(t *testing.T) {
	m, e := metrics.New(), new(emitter)
	k := newService(t, m, e)
	const flood = 5000
	for i := range flood {
		odd := fmt.Sprintf("kind-%d", i)
		switch i % 5 {
		case 1:
			odd = strings.Repeat("x", 200) + odd
		case 2:
			odd = "\"} 1\n" + odd
		case 3:
			odd += "\xff"
		}
		e.core.Emit(t.Context(), kit.Event{Kind: kit.EventKind(odd)})
		request(k.Service, odd, odd)
		request(k.Service, "GET /one", odd)
		k.Trace(t.Context(), kit.Operation{Kind: "of a later version", Name: odd}, func(context.Context) string { return "ok" })
	}
	s := read(t, m)
	samples := map[string]int{}
	requests, events := 0.0, 0.0
	for key, value := range s {
		family, _, _ := strings.Cut(key, "{")
		samples[family]++
		switch family {
		case "myauth_request_duration_seconds_count":
			requests += value
		case "myauth_events_total":
			events += value
		}
		if len(key) > 300 {
			t.Errorf("a sample is called %.300s", key)
		}
	}
	if requests != 2*flood || events != flood {
		t.Errorf("%v requests and %v events were counted, of %d and %d", requests, events, 2*flood, flood)
	}
	if samples["myauth_events_total"] > 256 || samples["myauth_request_duration_seconds_count"] > 256+32+32 {
		t.Errorf("%v", samples)
	}
	if s[`myauth_events_total{kind="other"}`] < flood/2 || s[`myauth_request_duration_seconds_count{route="GET /one",outcome="other"}`] < flood/2 {
		t.Error("what is too much is not counted as other")
	}
}

// TestScrapeUnderLoad: each scrape agrees with itself, no counter falls, and in the end all are counted.
func TestScrapeUnderLoad(t *testing.T) {
	m := metrics.New()
	k := newService(t, m)
	const callers, calls = 16, 500
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range callers {
		wg.Go(func() {
			<-start
			for j := range calls {
				request(k.Service, fmt.Sprintf("GET /%d", j%20), fmt.Sprintf("outcome%d", i%3))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	close(start)
	last := scrape{}
	for scraping := true; scraping; {
		select {
		case <-done:
			scraping = false
		default:
			runtime.Gosched() // WebAssembly has one thread, and nothing there interrupts this loop
		}
		now := read(t, m)
		for key, value := range last {
			if now[key] < value && !strings.HasSuffix(key, "ing") && !strings.HasSuffix(key, "ready") {
				t.Fatalf("%s fell from %v to %v", key, value, now[key])
			}
		}
		last = now
	}
	for i := range 20 {
		for outcome, callers := range []int{6, 5, 5} { // of the 16
			last.want(t, fmt.Sprintf(`myauth_request_duration_seconds_count{route="GET /%d",outcome="outcome%d"}`, i, outcome), callers*calls/20)
		}
	}
}

func TestOneServiceEach(t *testing.T) {
	m := metrics.New()
	k := newService(t, m)
	opts := kit.Options{Features: []kit.Feature{m}}
	if _, err := kit.New(k.Store.Stores(), k.Keys, &opts); err == nil {
		t.Error("one Metrics counts for two Services")
	}
	w := httptest.NewRecorder()
	if m.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/metrics", nil)); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", w.Code)
	}
	w = httptest.NewRecorder()
	if m.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/metrics", nil)); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestObservationAllocatesNothing(t *testing.T) {
	svc := newService(t, metrics.New()).Service
	if n := testing.AllocsPerRun(1000, func() { request(svc, "GET /auth/me", "ok") }); n > 0 {
		t.Errorf("%v allocations an observation", n)
	}
}
