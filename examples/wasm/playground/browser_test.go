//go:build !js

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	_ "myauth.internal/examples/wasm/playground/jsfetch" // see buildSite
	_ "myauth.internal/httpx"
	_ "myauth.internal/kit/memstore"
	_ "myauth.internal/kit/passkey"
)

// chromium returns the path of a Chromium. Without one the test skips, or fails where
// everything is required.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "no chromium in PATH: apt-get install chromium"
	if os.Getenv("MYAUTH_TEST_REQUIRE") == "all" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// built is the site, compiled once for all tests.
var built = sync.OnceValues(func() (site, error) { return build(context.Background()) })

// buildSite returns the site. What the compiler reads, go test does not see, and would
// go on showing an old result. So the test reads the sources that are for browsers
// only, and imports the rest.
func buildSite(t *testing.T) site {
	t.Helper()
	for _, pattern := range []string{"page/*.go", "jsfetch/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, name := range names {
			if _, err := os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// tab is the page in a browser, with everything that must not happen in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	errors   []string // what the console shows in red
	requests []string // every address that was asked for
	served   []string // every path that the server was asked for
}

// openTab opens the page and waits until the program runs. At the end of the test it
// checks that the console had no errors and the network saw nothing but the site's files.
func openTab(t *testing.T) *tab {
	t.Helper()
	path := chromium(t)
	files := buildSite(t)
	b := &tab{t: t}
	handler := files.handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.add(&b.served, r.URL.RequestURI())
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	// An address is no domain, so passkeys cannot belong to it.
	origin := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)

	// Not the test's own context, which ends before the last look at the tab.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 60*time.Second)
	t.Cleanup(cancel)
	// A new profile each time is chromedp's default. The sandbox is off because
	// root, which tests in containers run as, has none; the page is our own.
	ctx, cancel = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)

	b.must(chromedp.Listen(b.ctx, b.watch))
	t.Cleanup(func() {
		// Its answer comes after every event before it. Without one the test has
		// failed, and what the console shows is the reason.
		_, _ = chromedp.Run(b.ctx, chromedp.Evaluate[bool]("true"))
		b.check(origin, files)
	})
	enable(b, network.Enable, network.EnableParams{})
	enable(b, log.Enable, cdp.Empty{})
	enable(b, runtime.Enable, cdp.Empty{})
	b.do(chromedp.Navigate(origin))
	eval[bool](b, "Promise.race([playground.program, playground.stopped]).then(() => true)") // or says why it does not run
	b.do(chromedp.WaitReady(chromedp.CSS("#controls:enabled")))
	return b
}

func enable[P, R any](b *tab, domain cdp.Command[P, R], params P) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, domain, params)
	b.must(err)
}

func (b *tab) watch(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.add(&b.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		b.add(&b.requests, e.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.add(&b.errors, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		b.add(&b.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			text := string(e.Type)
			for _, arg := range e.Args {
				text += " " + string(arg.Value) + arg.Description
			}
			b.add(&b.errors, text)
		}
	}
}

func (b *tab) add(list *[]string, entry string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*list = append(*list, entry)
}

func (b *tab) check(origin string, files site) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.errors {
		b.t.Errorf("the console shows: %s", e)
	}
	if len(b.requests) == 0 || len(b.served) == 0 {
		b.t.Error("no requests were seen at all, so the test does not look where they are")
	}
	allowed := func(uri string) bool {
		_, known := files[strings.TrimPrefix(uri, "/")]
		return known || uri == "/"
	}
	for _, address := range b.requests {
		if uri, ours := strings.CutPrefix(address, origin); !ours || !allowed(uri) {
			b.t.Errorf("the browser asked for %s", address)
		}
	}
	for _, uri := range b.served {
		if !allowed(uri) {
			b.t.Errorf("the server was asked for %s", uri)
		}
	}
}

func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.must(chromedp.Do(b.ctx, steps...))
}

// get returns what an action reads from the page.
func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, action)
	b.must(err)
	return v
}

// eval returns the value of a JavaScript expression, awaited.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}
