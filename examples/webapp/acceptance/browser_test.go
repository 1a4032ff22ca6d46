package acceptance

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is the one browser of the run. closeChromium ends it.
var (
	chromium = sync.OnceValues(func() (context.Context, error) {
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
			path, err := exec.LookPath(name)
			if err != nil {
				continue
			}
			// The sandbox is off because root, which tests in containers run as, has none; the pages
			// are our own.
			ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
				chromedp.Flag("headless", "new"), chromedp.Flag("disable-background-networking", true),
				chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
			ctx, cancel := chromedp.NewContext(ctx)
			closeChromium = func() { cancel(); stop() }
			return ctx, chromedp.Do(ctx)
		}
		return nil, nil
	})
	closeChromium = func() {}
)

// tab is a tab of a profile, with everything that must not happen in it.
type tab struct {
	*server
	t   *testing.T
	ctx context.Context

	mu        sync.Mutex
	documents []string // the addresses of pages
	faults    []string
	elsewhere []string // other hosts that a page leads to

	scriptless bool // its pages run no scripts, and so are not audited
}

// profile opens a tab in a profile of its own: cookies are not shared with others.
func (s *server) profile(elsewhere ...string) *tab {
	s.t.Helper()
	ctx, err := chromium()
	if err != nil {
		s.t.Fatal(err)
	}
	if ctx == nil {
		const missing = "no chromium in PATH: apt-get install chromium"
		if required() {
			s.t.Fatal(missing)
		}
		s.t.Skip(missing)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	s.t.Cleanup(cancel)
	return s.open(ctx, elsewhere, chromedp.WithNewBrowserContext())
}

// tab opens another tab in the same profile.
func (b *tab) tab() *tab { b.t.Helper(); return b.open(b.ctx, b.elsewhere) }

func (s *server) open(ctx context.Context, elsewhere []string, options ...chromedp.ContextOption) *tab {
	s.t.Helper()
	b := &tab{server: s, t: s.t, elsewhere: elsewhere}
	var cancel context.CancelFunc
	b.ctx, cancel = chromedp.NewContext(ctx, append(options, chromedp.WithListener(b.watch))...)
	s.t.Cleanup(cancel)
	s.t.Cleanup(b.check)
	cdpCall(b, network.Enable, network.EnableParams{})
	cdpCall(b, log.Enable, cdp.Empty{})
	cdpCall(b, runtime.Enable, cdp.Empty{})
	cdpCall(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}) // also while another test is in front
	b.desktop()
	return b
}

// required reports whether nothing may be missing.
func required() bool { return os.Getenv("MYAUTH_TEST_REQUIRE") == "all" }

// watch notes what must not happen: errors and warnings of the console, violations of the policy
// among them, and requests to other hosts.
func (b *tab) watch(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fault := func(format string, args ...any) { b.faults = append(b.faults, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if own := "http://" + u.Host; err != nil || u.Scheme != "data" && own != b.url && !slices.Contains(b.elsewhere, own) {
			fault("a request to %s", e.Request.URL)
		}
		if e.Type == network.ResourceTypeDocument {
			b.documents = append(b.documents, e.Request.URL)
		}
	case *network.EventWebSocketCreated:
		fault("a socket to %s", e.URL)
	case *runtime.EventExceptionThrown:
		fault("an exception: %s", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		fault("the console: %s", e.Type)
	case *log.EventEntryAdded:
		// A page may have the status of an error; what it loads may not.
		if e.Entry.Source == log.EntrySourceNetwork && (slices.Contains(b.documents, e.Entry.URL) || !strings.HasPrefix(e.Entry.URL, b.url)) {
			return
		}
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			fault("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	}
}

func (b *tab) check() {
	// Its answer comes after every event before it.
	_, _ = chromedp.Run(b.ctx, chromedp.Evaluate[bool]("true"))
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		b.t.Errorf("in the browser: %s", fault)
	}
	if len(b.documents) == 0 {
		b.t.Error("the tab has opened no page: the test sees nothing")
	}
}

func cdpCall[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// get runs an action. It is late after some seconds, with what the page shows in the error.
func get[T any](b *tab, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
		b.t.Fatalf("%s: %v, at %s", what, err, text)
	}
	return v
}

func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return get(b, expression, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// open opens an address, and shows the page with that heading.
func (b *tab) visit(address, heading string) {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.url + address
	}
	get(b, address, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Func(func(_ context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(b.ctx, page.Navigate, page.NavigateParams{URL: address})
		return err
	})))
	b.see(heading)
}

// named is the XPath of a link or a button by all of its text, also what is read aloud only.
func named(text string) string {
	return fmt.Sprintf("//*[self::a or self::button][normalize-space(.)=%q]", text)
}

// labelled is the XPath of an input by its label.
func labelled(label string) string {
	return fmt.Sprintf("//*[@id=//label[normalize-space(.)=%q]/@for]", label)
}

// press clicks on a link or a button, which leads to the page with that heading.
func (b *tab) press(text, heading string) {
	b.t.Helper()
	get(b, text, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(named(text))))
	b.see(heading)
}

// fill fills in inputs: labels and values in turn.
func (b *tab) fill(fields ...string) {
	b.t.Helper()
	for i := 0; i < len(fields); i += 2 {
		get(b, fields[i], chromedp.WaitVisible(labelled(fields[i])))
		eval[bool](b, fmt.Sprintf(`(() => {
	const label = [...document.querySelectorAll("label")].find(l => l.textContent.trim() == %q)
	document.getElementById(label.htmlFor).value = %q
	return true
})()`, fields[i], fields[i+1]))
	}
}

// see wants the heading of the page, and audits a page that it sees for the first time.
func (b *tab) see(heading string) {
	b.t.Helper()
	b.at(heading)
	b.audit(heading)
}

func (b *tab) at(heading string) {
	b.t.Helper()
	got := eval[[]string](b, `[...document.querySelectorAll("h1")].map(h => h.textContent)`)
	if len(got) != 1 || got[0] != heading {
		b.t.Fatalf("the page %s is %q, want %q:\n%s", eval[string](b, "location.href"), got, heading, b.text())
	}
	if title := eval[string](b, "document.title"); !strings.HasSuffix(title, heading+" – Notebook") {
		b.t.Errorf("the page %q has the title %q", heading, title)
	}
}

func (b *tab) text() string { b.t.Helper(); return eval[string](b, "document.body.innerText") }

// says wants texts on the page.
func (b *tab) says(texts ...string) {
	b.t.Helper()
	shown := b.text()
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			b.t.Errorf("the page does not say %q:\n%s", text, shown)
		}
	}
}

// never wants texts to be nowhere in the page.
func (b *tab) never(texts ...string) {
	b.t.Helper()
	source := eval[string](b, "document.documentElement.outerHTML")
	for _, text := range texts {
		if strings.Contains(source, text) {
			b.t.Errorf("the page has %q:\n%s", text, source)
		}
	}
}

// cookies are the names of the profile's cookies and what they hold.
func (b *tab) cookies() map[string]string {
	b.t.Helper()
	all := map[string]string{}
	for _, k := range cdpCall(b, network.GetCookies, network.GetCookiesParams{URLs: []string{b.url}}).Cookies {
		all[k.Name] = k.Value
		if !k.HTTPOnly {
			b.t.Errorf("scripts can read the cookie %s", k.Name)
		}
	}
	return all
}

// forget removes a cookie from the profile.
func (b *tab) forget(cookie string) {
	b.t.Helper()
	if b.cookies()[cookie] == "" {
		b.t.Fatalf("there is no cookie %s", cookie)
	}
	cdpCall(b, network.DeleteCookies, network.DeleteCookiesParams{Name: cookie, URL: b.url})
}
