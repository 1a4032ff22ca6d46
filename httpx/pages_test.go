package httpx

import (
	"context"
	"fmt"
	"html"
	"html/template"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/throttle"
)

// pageRig is the pages over a Service whose mails are kept.
type pageRig struct {
	*rig
	t      *testing.T
	pages  http.Handler
	mailer *kittest.Mailer
}

func newPageRig(t *testing.T, opts Options, change ...func(*kit.Options)) *pageRig {
	t.Helper()
	p := &pageRig{t: t, mailer: &kittest.Mailer{}}
	p.rig = newRig(t, opts, append(change, func(o *kit.Options) { o.Mailer, o.PublicURL = p.mailer, "https://example.com" })...)
	p.pages = p.Pages()
	return p
}

// mail returns the next mail.
func (p *pageRig) mail() kit.Mail {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	m, err := p.mailer.Next(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *pageRig) resetMail() kit.Mail {
	p.t.Helper()
	if err := p.svc.RequestPasswordReset(p.t.Context(), p.user.Email); err != nil {
		p.t.Fatal(err)
	}
	return p.mail()
}

// open opens a link as a browser does, and returns the page.
func (p *pageRig) open(link kit.Secret) *httptest.ResponseRecorder {
	p.t.Helper()
	return do(p.pages, http.MethodGet, strings.TrimPrefix(string(link), "https://example.com"), "")
}

var (
	formTag  = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	inputTag = regexp.MustCompile(`<input [^>]*name="(\w+)"[^>]*>`)
	valueOf  = regexp.MustCompile(`value="([^"]*)"`)
)

// press fills in the form of a page, which was opened at that link, and sends it.
func (p *pageRig) press(at kit.Secret, page *httptest.ResponseRecorder, fields ...string) *httptest.ResponseRecorder {
	p.t.Helper()
	form := formTag.FindStringSubmatch(page.Body.String())
	if form == nil {
		p.t.Fatalf("no form in %d %s", page.Code, page.Body)
	}
	values := url.Values{}
	for _, input := range inputTag.FindAllStringSubmatch(page.Body.String(), -1) {
		values.Set(input[1], "")
		if v := valueOf.FindStringSubmatch(input[0]); v != nil {
			values.Set(input[1], html.UnescapeString(v[1]))
		}
	}
	for i := 0; i < len(fields); i += 2 {
		if !values.Has(fields[i]) {
			p.t.Fatalf("the form has no field %s", fields[i])
		}
		values.Set(fields[i], fields[i+1])
	}
	base, err := url.Parse(string(at))
	if err != nil {
		p.t.Fatal(err)
	}
	target := base.ResolveReference(&url.URL{Path: form[1]})
	return do(p.pages, http.MethodPost, target.RequestURI(), values.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (p *pageRig) stored() kit.User {
	u, err := p.svc.UserByID(context.Background(), p.user.ID)
	if err != nil && u.ID != "" {
		p.t.Error(err)
	}
	return u
}

// says wants a page of that status, with the words, and with the headers of each page.
func says(t *testing.T, w *httptest.ResponseRecorder, status int, words string) {
	t.Helper()
	if w.Code != status || !strings.Contains(html.UnescapeString(w.Body.String()), words) {
		t.Errorf("got %d, want %d with %q:\n%s", w.Code, status, words, w.Body)
	}
	nonce := regexp.MustCompile(`<style nonce="([A-Z2-7]{26})">`).FindStringSubmatch(w.Body.String())
	if nonce == nil {
		t.Fatalf("no style: %s", w.Body)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'nonce-" + nonce[1] + "'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"Content-Type":            "text/html; charset=utf-8",
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "no-store",
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "DENY",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if bad := regexp.MustCompile(`(?i)<script|<link|\s(on\w+|style)=|https?://`).FindString(w.Body.String()); bad != "" {
		t.Errorf("the page has %q", bad)
	}
}

func TestVerifyEmailPage(t *testing.T) {
	p := newPageRig(t, Options{ProductName: "Shop <3"})
	mail := p.mail()
	page := p.open(mail.Link)
	says(t, page, 200, "Confirm email address")
	says(t, page, 200, "Shop <3")
	do(p.pages, http.MethodHead, strings.TrimPrefix(string(mail.Link), "https://example.com"), "")
	if p.stored().Verified {
		t.Fatal("opening the page has verified the address")
	}
	says(t, p.press(mail.Link, page), 200, "Your email address is confirmed")
	if !p.stored().Verified {
		t.Error("the address is not verified")
	}
	says(t, p.press(mail.Link, page), 200, "Your email address is confirmed")
}

func TestDenyPage(t *testing.T) {
	p := newPageRig(t, Options{})
	mail := p.mail()
	// The page of the first link leads to it as well.
	href := regexp.MustCompile(`href="([^"]*)"`).FindStringSubmatch(p.open(mail.Link).Body.String())
	if want := strings.TrimPrefix(string(mail.DenyLink), "https://example.com/"); html.UnescapeString(href[1]) != want {
		t.Errorf("the link is %s, want %s", href[1], want)
	}
	page := p.open(mail.DenyLink)
	says(t, page, 200, "delete the account")
	if p.stored().ID == "" {
		t.Fatal("opening the page has deleted the account")
	}
	for range 2 { // the second time there is nothing left to delete
		says(t, p.press(mail.DenyLink, page), 200, "The account is deleted")
	}
	if p.stored().ID != "" {
		t.Error("the account is there")
	}
	says(t, p.press(mail.Link, p.open(mail.Link)), 404, "no longer exists")
}

func TestDenyPageOfVerifiedAccount(t *testing.T) {
	p := newPageRig(t, Options{})
	mail := p.mail()
	if err := p.svc.VerifyEmail(t.Context(), string(mail.Token)); err != nil {
		t.Fatal(err)
	}
	page := p.press(mail.DenyLink, p.open(mail.DenyLink))
	says(t, page, 401, "already been confirmed")
	if formTag.MatchString(page.Body.String()) || page.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("%v %s", page.Header(), page.Body)
	}
}

func TestResetPasswordPage(t *testing.T) {
	p := newPageRig(t, Options{})
	p.mail()
	mail := p.resetMail()
	page := p.open(mail.Link)
	says(t, page, 200, "Choose a new password")
	// What is refused leaves the form as it is, with its token and without the password.
	for _, test := range []struct{ first, second, words string }{
		{"short", "short", "use at least 8 characters"},
		{"", "", "This password doesn't work yet"},
		{"Another-Horse-8", "Another-horse-8", "type the same password twice"},
	} {
		refused := p.press(mail.Link, page, "new_password", test.first, "repeat", test.second)
		says(t, refused, 422, test.words)
		if test.first != "" && strings.Contains(refused.Body.String(), test.first) {
			t.Error("the page shows the password")
		}
		page = refused
	}
	for _, op := range []string{"tokens.ByID", "users.ByID"} {
		p.faults.Inject(op, kittest.Down, 1)
		page = p.press(mail.Link, page, "new_password", "Another-Horse-8", "repeat", "Another-Horse-8")
		says(t, page, 503, "We can't do this right now")
		if page.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	says(t, p.press(mail.Link, page, "new_password", "Another-Horse-8", "repeat", "Another-Horse-8"), 200, "Your password is changed")
	if _, err := p.svc.Login(t.Context(), p.user.Email, "Another-Horse-8"); err != nil {
		t.Error(err)
	}
	says(t, p.press(mail.Link, page, "new_password", goodPassword, "repeat", goodPassword), 401, "already been used")
	if entries := p.log.entries(t); len(entries) > 0 {
		t.Errorf("logged: %v", entries)
	}
}

func TestPagesRefuse(t *testing.T) {
	p := newPageRig(t, Options{}, func(o *kit.Options) {
		waits := []time.Duration{time.Second, 90 * time.Second, time.Hour + time.Second}
		o.Limiter = &refuseAfter{o.Now().Add(time.Hour), o.Now, waits}
	})
	mail := p.mail()
	const form = "application/x-www-form-urlencoded"
	for _, target := range []string{"/verify-email/deny", "/verify-email?x=1", "/verify-email/deny?x=1", "/reset-password?token=", "/verify-email?token=..%20.", "/verify-email?token=" + strings.Repeat("x", 5000)} {
		w := do(p.pages, http.MethodGet, target, "")
		says(t, w, 400, "copy the whole link")
		if strings.Contains(w.Body.String(), `name="token"`) {
			t.Errorf("%s has a form with a token", target)
		}
	}
	says(t, do(p.pages, "PUT", "/verify-email?token=x", ""), 405, "something we don't understand")
	says(t, post(p.pages, "/verify-email", `{"token":"x"}`), 415, "something we don't understand")
	says(t, do(p.pages, "POST", "/verify-email", "token=a&token=b", "Content-Type", form), 400, "copy the whole link")
	says(t, do(p.pages, "POST", "/verify-email", "token="+strings.Repeat("x", 65<<10), "Content-Type", form), 413, "something we don't understand")
	says(t, do(p.pages, "POST", "/verify-email", "token=x", "Content-Type", form), 401, "This link doesn't work")
	says(t, do(p.pages, "POST", "/verify-email", "token=%22%3E%3Cscript%3E", "Content-Type", form), 401, "This link doesn't work")
	says(t, do(p.pages, "GET", "/reset-password?token="+url.QueryEscape(`x"><script>alert(1)</script>y`), ""), 200, "Choose a new password")
	for _, target := range []string{"/", "/verify-email/", "/reset-password/x"} {
		if w := do(p.pages, "GET", target, ""); w.Code != 404 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	page := p.open(mail.Link)
	p.clock.Advance(2 * time.Hour)
	page = p.press(mail.Link, page)
	says(t, page, 429, "Wait a moment")
	page = p.press(mail.Link, page)
	says(t, page, 429, "Wait 90 seconds")
	page = p.press(mail.Link, page)
	says(t, page, 429, "Wait 61 minutes")
	p.clock.Advance(24 * time.Hour)
	p.faults.Inject("users.ByID", kittest.Panic, 1)
	says(t, p.press(mail.Link, page), 401, "This link has expired")
}

// TestNewMail: whoever has a link that is too old, or none, asks for a new mail where it led.
func TestNewMail(t *testing.T) {
	p := newPageRig(t, Options{})
	old := p.mail()
	p.clock.Advance(25 * time.Hour)
	page := p.press(old.Link, p.open(old.Link))
	says(t, page, 401, "This link has expired")
	page = p.press(old.Link, page, "email", `a"><b>`)
	says(t, page, 422, "a whole email address")
	if !strings.Contains(page.Body.String(), `value="a&#34;&gt;&lt;b&gt;" aria-invalid="true" aria-describedby="problem"`) {
		t.Errorf("what was typed is gone, or is not marked: %s", page.Body)
	}
	for _, email := range []string{"nobody@example.com", p.user.Email} {
		page = p.press(old.Link, page, "email", email)
		says(t, page, 200, "If there is an account")
		if formTag.MatchString(page.Body.String()) || strings.Contains(page.Body.String(), email) {
			t.Errorf("%s", page.Body)
		}
		page = do(p.pages, "GET", "/verify-email", "")
		says(t, page, 200, "a new link to confirm it")
	}
	mail := p.mail()
	says(t, p.press(mail.Link, p.open(mail.Link)), 200, "Your email address is confirmed")

	says(t, p.press("https://example.com/reset-password", do(p.pages, "GET", "/reset-password", ""), "email", p.user.Email), 200, "If there is an account")
	mail = p.mail()
	if mail.Kind != kit.MailPasswordReset {
		t.Fatalf("got a mail of kind %s", mail.Kind)
	}
	page = p.open(mail.Link)
	if strings.Contains(page.Body.String(), `name="email"`) {
		t.Error("the page of a good link asks for an address")
	}
	p.clock.Advance(time.Hour)
	page = p.press(mail.Link, page, "new_password", "Another-Horse-8", "repeat", "Another-Horse-8")
	says(t, page, 401, "This link has expired")
	says(t, p.press(mail.Link, page, "email", p.user.Email), 200, "If there is an account")
	p.mail()
}

// TestNewMailIsLimited: asking on a page is charged as at the API.
func TestNewMailIsLimited(t *testing.T) {
	p := newPageRig(t, Options{}, func(o *kit.Options) {
		o.Limiter = &refuseAfter{o.Now().Add(time.Hour), o.Now, []time.Duration{90 * time.Second}}
	})
	p.mail() // sent on a goroutine, which would take the refusal otherwise
	p.clock.Advance(2 * time.Hour)
	page := do(p.pages, "GET", "/reset-password", "")
	page = p.press("https://example.com/reset-password", page, "email", p.user.Email)
	says(t, page, 429, "Wait 90 seconds")
	if !formTag.MatchString(page.Body.String()) || !strings.Contains(page.Body.String(), p.user.Email) {
		t.Errorf("the form is gone: %s", page.Body)
	}
}

// refuseAfter limits from some moment on.
type refuseAfter struct {
	at  time.Time
	now func() time.Time
	// waits are how long each refusal asks for.
	waits []time.Duration
}

func (l *refuseAfter) Begin(context.Context, throttle.Attempt) (throttle.Charge, error) {
	if l.now().Before(l.at) {
		return nil, nil
	}
	wait := l.waits[0]
	l.waits = l.waits[1:]
	return nil, &throttle.LimitError{RetryAfter: wait}
}

func TestPagesSurvivePanics(t *testing.T) {
	p := newPageRig(t, Options{})
	mail := p.mail()
	p.faults.Inject("users.ByID", kittest.Panic, 1)
	page := p.press(mail.Link, p.open(mail.Link))
	says(t, page, 500, "Something went wrong on our side")
	if entries := p.log.entries(t); len(entries) != 1 || strings.Contains(fmt.Sprint(entries), string(mail.Token)) {
		t.Errorf("logged: %v", entries)
	}
	says(t, p.press(mail.Link, page), 200, "Your email address is confirmed")
}

// What is done to links on their way is undone; a token that is changed stays refused.
func TestLinksThatSuffered(t *testing.T) {
	const token = "myauth_pr_Abc-d_e.f9"
	for name, query := range map[string]string{
		"as sent": "token=" + token, "full stop": "token=" + token + ".", "bracket": "token=" + token + ">", "escaped bracket": "token=" + token + "%3E",
		"quotes": "token=%22" + token + "%22", "typographic quotes": "token=%E2%80%9C" + token + "%E2%80%9D", "markdown": "token=" + token + ")**",
		"spaces": "token=%20" + token + "+", "broken line": "token=" + token[:9] + "%0D%0A" + token[9:], "quoted reply": "token=" + token + "%0A%3E",
		"soft hyphen": "token=" + token[:5] + "%C2%AD" + token[5:], "zero width": "token=" + token + "%E2%80%8B",
		"encoded as a whole": "token%3D" + token, "tracking before": "utm_source=mail&token=" + token, "tracking behind": "token=" + token + "&utm_source=mail",
		"bad encoding elsewhere": "x=%zz&token=" + token,
	} {
		if got := tokenInQuery(query); got != token {
			t.Errorf("%s: got %q", name, got)
		}
	}
	for name, query := range map[string]string{"cut": "token=" + token[:12], "inside": "token=" + token[:12] + "x" + token[12:], "case": "token=" + strings.ToUpper(token)} {
		if tokenInQuery(query) == token {
			t.Errorf("%s: the token was mended", name)
		}
	}
}

func TestPagesBelowAPrefix(t *testing.T) {
	p := newPageRig(t, Options{})
	p.pages = http.StripPrefix("/account", p.pages)
	mail := p.mail()
	link := kit.Secret(strings.Replace(string(mail.Link), "https://example.com/", "https://example.com/account/", 1))
	says(t, p.press(link, p.open(link)), 200, "Your email address is confirmed")
}

func TestOwnPages(t *testing.T) {
	p := newPageRig(t, Options{PageTemplate: template.Must(template.New("page").Parse(
		`<style nonce="{{.Nonce}}">p { color: red }</style><p>Guten Tag, {{.Page}}{{with .Code}}, {{.}}{{end}}{{with .Deny}}, {{.}}{{end}}</p><input name="token" value="{{.Token}}"><input name="email" value="{{.Email}}">`)).Execute})
	says(t, do(p.pages, "GET", "/verify-email?token=x", ""), 200, "Guten Tag, verify-email, verify-email/deny?token=x<")
	// Elsewhere the relative link would lead nowhere, or take a token of another kind along.
	says(t, do(p.pages, "GET", "/verify-email/deny?token=x", ""), 200, "Guten Tag, deny-email<")
	says(t, do(p.pages, "GET", "/reset-password?token=x", ""), 200, "Guten Tag, reset-password<")
	says(t, do(p.pages, "GET", "/verify-email/deny", ""), 400, "Guten Tag, deny-email, malformed_request")
}

func TestPageDataPrintsNoToken(t *testing.T) {
	if s := fmt.Sprintf("%v %+v", PageData{Token: "hunter2"}, &PageData{Token: "hunter2"}); strings.Contains(s, "hunter2") {
		t.Error(s)
	}
}

// changeMail signs the account in, asks for another address, and returns the mail to it.
func (p *pageRig) changeMail(email string) kit.Mail {
	p.t.Helper()
	claims, err := p.svc.Verifier().Verify(p.accessToken(p.t))
	if err == nil {
		err = p.svc.RequestEmailChange(p.t.Context(), claims, email)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	for {
		if m := p.mail(); m.Kind == kit.MailEmailChange {
			return m
		}
	}
}

// Opening the link changes nothing; the button does.
func TestChangeEmailPage(t *testing.T) {
	p := newPageRig(t, Options{})
	mail := p.changeMail("lovelace@example.com")
	page := p.open(mail.Link)
	says(t, page, 200, "Confirm your new email address")
	if u := p.stored(); u.Email != "ada@example.com" {
		t.Fatalf("the address was changed by a GET: %s", u.Email)
	}
	says(t, p.press(mail.Link, page), 200, "Your email address is changed")
	if u := p.stored(); u.Email != "lovelace@example.com" || !u.Verified {
		t.Errorf("got %s, verified %t", u.Email, u.Verified)
	}
	again := p.press(mail.Link, page)
	says(t, again, 401, "sign in and ask again")
	if formTag.MatchString(again.Body.String()) {
		t.Error("the page of a used link has a form")
	}
}

func TestChangeEmailPageOfATakenAddress(t *testing.T) {
	p := newPageRig(t, Options{})
	mail := p.changeMail("taken@example.com")
	if _, err := p.svc.Register(t.Context(), kit.Registration{Email: "taken@example.com", Username: "x", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	page := p.press(mail.Link, p.open(mail.Link))
	says(t, page, 409, "There is already an account with this email address")
	if formTag.MatchString(page.Body.String()) {
		t.Error("no other try can succeed, and the page has a form")
	}
}

// Every page that a mail leads to is there.
func TestPagesAreWhereMailsLead(t *testing.T) {
	p := newPageRig(t, Options{})
	mail := p.mail()
	for _, link := range []kit.Secret{mail.Link, mail.DenyLink, p.resetMail().Link, p.changeMail("x@example.com").Link} {
		if w := p.open(link); w.Code != 200 {
			u, _ := url.Parse(string(link))
			t.Errorf("%s: %d", path.Clean(u.Path), w.Code)
		}
	}
}

// The token of a page does not reach a log, whichever way it is written there.
func TestPageDataHidesItsToken(t *testing.T) {
	d := PageData{Page: "reset-password", Token: "secret-token", Deny: "?token=secret-token"}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("page", "data", d, "pointer", &d)
	}
	if text := fmt.Sprintf("%v %+v %#v %s %s %s", d, d, d, &d, jsonOf(t, d), log.String()); strings.Contains(text, "secret-token") {
		t.Errorf("shown: %s", text)
	}
}
