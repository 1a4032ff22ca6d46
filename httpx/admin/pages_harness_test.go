package admin_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"myauth.internal/httpx"
	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/totp"
)

// below is where the pages are mounted.
const below = "/x/admin"

// site is the pages over a Service in memory. Ada is its administrator, and Bob a user.
type site struct {
	*kittest.Kit
	t        *testing.T
	handler  http.Handler
	ada, bob kit.User

	mu     sync.Mutex
	events []kit.Event
}

func newSite(t *testing.T, opts *admin.PagesOptions, change ...func(*kit.Options)) *site {
	t.Helper()
	s := &site{t: t}
	s.Kit = kittest.New(t, append(change, func(o *kit.Options) {
		o.Features = append(o.Features, admin.New(nil), invitation.New(nil), totp.New(nil))
		o.OnEvent = func(_ context.Context, e kit.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		}
	})...)
	s.handler = mounted(t, s.Service, opts)
	s.ada, _ = s.LogIn("ada@example.com", "admin", "editor")
	s.bob, _ = s.LogIn("bob@example.com", "reader")
	return s
}

func mounted(t *testing.T, svc *kit.Service, opts *admin.PagesOptions) http.Handler {
	t.Helper()
	auth, err := httpx.New(svc, &httpx.Options{Cookies: true})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := admin.Pages(auth, opts)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(below+"/", http.StripPrefix(below, pages))
	return mux
}

// acts are the events since the last call that have an actor: kind, actor, account.
func (s *site) acts() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Actor != "" {
			all = append(all, strings.NewReplacer(s.ada.ID, "ada", s.bob.ID, "bob").Replace(string(e.Kind)+" "+e.Actor+" "+e.UserID))
		}
	}
	s.events = nil
	return all
}

// browser is one without scripts.
type browser struct {
	*site
	cookies map[string]string
	headers []string // of each request: names and values

	at     string // the address of the page
	status int
	header http.Header
	page   string
}

func (s *site) browser() *browser { return &browser{site: s, cookies: map[string]string{}} }

// signedIn is a browser in which Ada has just signed in.
func (s *site) signedIn() *browser {
	s.t.Helper()
	b := s.browser()
	b.get(below + "/")
	b.want(200, "Sign in")
	b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
	b.want(200, "Accounts")
	return b
}

// send sends a request, and follows what it redirects to.
func (b *browser) send(method, address string, form url.Values) {
	b.t.Helper()
	for range 5 {
		base, err := url.Parse("https://app.example.com" + b.at)
		if err != nil {
			b.t.Fatal(err)
		}
		to, err := base.Parse(address)
		if err != nil || to.Host != base.Host {
			b.t.Fatalf("%s leads to %s, %v", b.at, address, err)
		}
		var body io.Reader
		if form != nil {
			body = strings.NewReader(form.Encode())
		}
		r := httptest.NewRequest(method, to.String(), body)
		r.RequestURI = to.RequestURI()
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		for i := 0; i < len(b.headers); i += 2 {
			r.Header.Set(b.headers[i], b.headers[i+1])
		}
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		b.at, b.status, b.header, b.page = to.RequestURI(), w.Code, w.Header(), w.Body.String()
		for _, c := range w.Result().Cookies() {
			if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
				delete(b.cookies, c.Name)
			}
		}
		if b.status != http.StatusSeeOther || strings.HasPrefix(b.header.Get("Location"), "/") { // to the application
			return
		}
		method, address, form = http.MethodGet, b.header.Get("Location"), nil
	}
	b.t.Fatalf("%s redirects without end", b.at)
}

func (b *browser) get(address string) { b.t.Helper(); b.send(http.MethodGet, address, nil) }

// follow clicks on a link.
func (b *browser) follow(text string) {
	b.t.Helper()
	for _, m := range links.FindAllStringSubmatch(b.page, -1) {
		if html.UnescapeString(markup.ReplaceAllString(m[2], "")) == text {
			b.get(html.UnescapeString(m[1]))
			return
		}
	}
	b.t.Fatalf("%s has no link %q:\n%s", b.at, text, b.page)
}

var (
	links    = regexp.MustCompile(`(?s)<a[^>]* href="([^"]*)"[^>]*>(.*?)</a>`)
	headings = regexp.MustCompile(`<h1>(.*?)</h1>`)
	forms    = regexp.MustCompile(`(?s)<form[^>]* action="([^"]*)".*?</form>`)
	button   = regexp.MustCompile(`(?s)<button[^>]*>(.*?)</button>`)
	inputs   = regexp.MustCompile(`<input[^>]*>`)
	areas    = regexp.MustCompile(`(?s)<textarea[^>]* name="([^"]*)"[^>]*>\n?(.*?)</textarea>`)
	markup   = regexp.MustCompile(`<[^>]*>`)
)

func attribute(tag, name string) string {
	if m := regexp.MustCompile(` ` + name + `="([^"]*)"`).FindStringSubmatch(tag); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// form returns the form with a button of that text: where it goes, and what is in it.
func (b *browser) form(text string) (action string, values url.Values) {
	b.t.Helper()
	for _, m := range forms.FindAllStringSubmatch(b.page, -1) {
		if strings.TrimSpace(markup.ReplaceAllString(button.FindString(m[0]), "")) != text {
			continue
		}
		values = url.Values{}
		for _, input := range inputs.FindAllString(m[0], -1) {
			kind := attribute(input, "type")
			value := attribute(input, "value")
			if (kind != "checkbox" && kind != "radio") || strings.Contains(input, " checked") {
				values.Add(attribute(input, "name"), value)
			}
		}
		for _, area := range areas.FindAllStringSubmatch(m[0], -1) {
			values.Add(html.UnescapeString(area[1]), html.UnescapeString(area[2]))
		}
		return html.UnescapeString(m[1]), values
	}
	b.t.Fatalf("%s has no form with the button %q:\n%s", b.at, text, b.page)
	return "", nil
}

// press sends the form of a button. fields are names and values that are typed first; a name with -
// in front unchecks that value of a box.
func (b *browser) press(text string, fields ...string) {
	b.t.Helper()
	action, values := b.form(text)
	for i := 0; i < len(fields); i += 2 {
		if name, ok := strings.CutPrefix(fields[i], "-"); ok {
			var kept []string
			for _, v := range values[name] {
				if v != fields[i+1] {
					kept = append(kept, v)
				}
			}
			values[name] = kept
			continue
		}
		values.Set(fields[i], fields[i+1])
	}
	b.send(http.MethodPost, action, values)
}

// want wants a status, a heading, and texts on the page.
func (b *browser) want(status int, heading string, texts ...string) {
	b.t.Helper()
	m := headings.FindStringSubmatch(b.page)
	if b.status != status || m == nil || html.UnescapeString(m[1]) != heading {
		b.t.Fatalf("%s is %d %q, want %d %q:\n%s", b.at, b.status, m, status, heading, b.page)
	}
	for _, text := range texts {
		if shown := html.UnescapeString(markup.ReplaceAllString(b.page, "")); !strings.Contains(shown, text) {
			b.t.Errorf("%s does not say %q:\n%s", b.at, text, b.page)
		}
	}
}
