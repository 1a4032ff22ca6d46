package main

import (
	"context"
	"database/sql"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/provider"
	"myauth.internal/kit/seal"
	"myauth.internal/mailx"
)

const (
	ada         = "ada@example.com"
	adaPassword = "Analytical-Engine-1843"
	newPassword = "Difference/Engine/1822"
)

// site is the application on a port of its own.
type site struct {
	t      *testing.T
	app    *app
	url    string
	clock  *kittest.Clock
	faults *kittest.Faults
	db     *sql.DB
	came   chan struct{} // mails
}

func newSite(t *testing.T, providers ...provider.Provider) *site {
	t.Helper()
	return newSiteOf(t, func(c *config) { c.providers = providers })
}

func newSiteOf(t *testing.T, change func(*config)) *site {
	t.Helper()
	s := &site{t: t, clock: kittest.NewClock(time.Now()), faults: &kittest.Faults{}, came: make(chan struct{}, 1000)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.app.ServeHTTP(w, r) }))
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	s.url = "http://localhost:" + port
	var err error
	if s.db, err = openDatabase(filepath.Join(t.TempDir(), "test.db")); err != nil {
		t.Fatal(err)
	}
	notes, err := openNotes(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	keys, err1 := accesstoken.HMAC(randomBytes(32))
	dataKeys, err2 := seal.NewKeyring(randomBytes(seal.KeySize))
	box, err3 := newMailbox(&mailx.Options{ProductName: productName})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	c := config{
		stores: s.faults.Stores(memstore.New().Stores()), keys: keys, notes: notes, publicURL: s.url, mailbox: box,
		options: kit.Options{
			DataKeys: dataKeys, Mailer: postman{box, s.came}, MailDelay: time.Millisecond, Now: s.clock.Now, InsecureUnlimited: true,
			BcryptCost: 4, InsecureFastHash: true, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		},
	}
	change(&c)
	if s.app, err = newApp(c); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := s.app.svc.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// postman is the mailbox, and says when there is a mail.
type postman struct {
	*mailbox
	came chan struct{}
}

func (p postman) Send(ctx context.Context, m kit.Mail) error {
	err := p.mailbox.Send(ctx, m)
	p.came <- struct{}{}
	return err
}

// mail waits for the next mail to somebody whose subject has a word, and takes it out of the mailbox.
func (s *site) mail(to, word string) keptMail {
	s.t.Helper()
	for {
		if m, ok := s.takeMail(to, word); ok {
			return m
		}
		select {
		case <-s.came:
		case <-time.After(20 * time.Second):
			s.t.Fatalf("no mail to %s with the subject %q", to, word)
		}
	}
}

func (s *site) takeMail(to, word string) (keptMail, bool) {
	box := s.app.mailbox
	box.mu.Lock()
	defer box.mu.Unlock()
	i := slices.IndexFunc(box.mails, func(m keptMail) bool { return m.To == to && strings.Contains(m.Subject, word) })
	if i < 0 {
		return keptMail{}, false
	}
	m := box.mails[i]
	box.mails = slices.Delete(box.mails, i, i+1)
	return m, true
}

// browser keeps cookies and follows no redirect.
type browser struct {
	*site
	client *http.Client
	header http.Header // of each request
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{s, &http.Client{Jar: jar, CheckRedirect: noRedirect}, http.Header{"Sec-Fetch-Site": {"same-origin"}}}
}

// seen is an answer.
type seen struct {
	*http.Response
	t    *testing.T
	text string
}

func (b *browser) get(path string) seen { b.t.Helper(); return b.send("GET", path, nil) }

// post sends a form: names and values in turn.
func (b *browser) post(path string, fields ...string) seen {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.send("POST", path, form)
}

func (b *browser) send(method, path string, form url.Values) seen {
	b.t.Helper()
	path = strings.TrimPrefix(path, b.url)
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header = b.header.Clone()
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	got := seen{answer, b.t, string(body)}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && answer.Header.Get("Location") == "" {
		b.checkPage(got, form)
	}
	return got
}

var inlineCode = regexp.MustCompile(`<style|\sstyle=|\son[a-z]+=|javascript:|<script[^>]*>[^<]|<(script|link|img|iframe)[^>]*(src|href)="(https?:)?//`)

// checkPage checks what holds for every page.
func (b *browser) checkPage(got seen, form url.Values) {
	b.t.Helper()
	for name, want := range map[string]string{"Content-Security-Policy": securityPolicy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got.Header.Get(name) != want {
			b.t.Errorf("%s has %s %q", got.Request.URL.Path, name, got.Header.Get(name))
		}
	}
	if found := inlineCode.FindString(got.text); found != "" {
		b.t.Errorf("%s has %q, which the policy forbids", got.Request.URL.Path, found)
	}
	secrets := []string{got.Request.URL.Query().Get("token"), form.Get("password"), form.Get("new_password"), form.Get("current_password")}
	for _, c := range b.client.Jar.Cookies(got.Request.URL) {
		secrets = append(secrets, c.Value)
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(html.UnescapeString(got.text), secret) && got.Request.URL.Path != "/mailbox" {
			b.t.Errorf("%s shows a token or a password", got.Request.URL.Path)
		}
	}
}

// want checks the status, and that the page has each text.
func (got seen) want(status int, texts ...string) seen {
	got.t.Helper()
	if got.StatusCode != status {
		got.t.Fatalf("%s %s: status %d, want %d; Location %q\n%s", got.Request.Method, got.Request.URL, got.StatusCode, status, got.Header.Get("Location"), got.text)
	}
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(got.text), text) {
			got.t.Errorf("%s %s has no %q:\n%s", got.Request.Method, got.Request.URL, text, got.text)
		}
	}
	return got
}

// to checks that the answer is a redirect.
func (got seen) to(location string) {
	got.t.Helper()
	if got.want(http.StatusSeeOther).Header.Get("Location") != location {
		got.t.Fatalf("%s %s leads to %q, want %q", got.Request.Method, got.Request.URL, got.Header.Get("Location"), location)
	}
}

// value returns what an input or a data attribute of the page has.
func (got seen) value(name string) string {
	got.t.Helper()
	found := regexp.MustCompile(`name="` + name + `"[^>]* value="([^"]*)"| ` + name + `="([^"]*)"`).FindStringSubmatch(got.text)
	if found == nil {
		got.t.Fatalf("%s has no %s:\n%s", got.Request.URL, name, got.text)
	}
	return html.UnescapeString(found[1] + found[2])
}

// signUp makes an account with a confirmed address, and a browser that is signed in to it.
func (s *site) signUp(email string) *browser {
	s.t.Helper()
	b := s.browser()
	b.post("/sign-up", "email", email, "username", "Ada", "password", adaPassword).want(http.StatusSeeOther)
	b.post(s.mail(email, "Confirm").Link).to("/sign-in?done=verified")
	b.signIn(email, adaPassword)
	return b
}

func (b *browser) signIn(email, password string) {
	b.t.Helper()
	b.post("/sign-in", "email", email, "password", password).to("/")
}

func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == strings.TrimPrefix(name, "__Host-") {
			return c.Value
		}
	}
	return ""
}
