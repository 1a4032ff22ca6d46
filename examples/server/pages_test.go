package main

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"myauth.internal/httpx"
	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// handlerOf is [newHandler] with the defaults.
func handlerOf(t testing.TB, svc *kit.Service) http.Handler {
	t.Helper()
	handler, err := newHandler(svc, httpx.Options{}, "")
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// TestAdministrationHasPages: with cookies, at the root and below the path of the public URL.
func TestAdministrationHasPages(t *testing.T) {
	with := kittest.New(t, func(o *kit.Options) { o.Features = []kit.Feature{admin.New(nil)} }).Service
	for _, tc := range []struct {
		svc     *kit.Service
		cookies bool
		target  string
		status  int
		to      string
	}{
		{with, true, "/admin/", 303, "./sign-in?next=%2F"},
		{with, true, "/admin", 303, "./admin/"},
		{with, true, "/app/admin/users/x", 303, "./../sign-in?next=%2Fusers%2Fx"},
		{with, true, "/app/admin", 303, "./admin/"},
		{with, true, "/app/admin/sign-in", 200, ""},
		{with, false, "/admin/", 404, ""},
		{kittest.New(t).Service, true, "/admin/", 404, ""},
	} {
		handler, err := newHandler(tc.svc, httpx.Options{Cookies: tc.cookies}, "https://example.com/app")
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", tc.target, nil))
		if got := w.Header().Get("Location"); w.Code != tc.status || got != tc.to {
			t.Errorf("%s with cookies %t: %d %q", tc.target, tc.cookies, w.Code, got)
		}
	}
}

// TestMailedLinksLeadToPages follows each link of the mails: opening one changes nothing,
// and the button of its page does what the mail says. Neither tokens nor passwords reach
// the log, but by the mails that are printed there.
func TestMailedLinksLeadToPages(t *testing.T) {
	p := startServer(t, t.TempDir())
	for _, page := range []struct {
		path, ask, fields, done string
		login                   int // with the first address and password, afterwards
	}{
		{"/verify-email", "", "", "Your email address is confirmed", 200},
		{"/reset-password", "/auth/password-reset-request", "&new_password=Another-Horse-8&repeat=Another-Horse-8", "Your password is changed", 401},
		{"/verify-email/deny", "", "", "The account is deleted", 401},
		{"/change-email", "/auth/email-change", "", "email address is changed", 401},
	} {
		email := strings.Trim(strings.ReplaceAll(page.path, "/", "-"), "-") + "@example.com"
		p.do(201, "POST", "/auth/register", "", strings.Replace(registration, "ada@example.com", email, 1))
		mailbox := email
		switch page.ask {
		case "":
		case "/auth/email-change":
			mailbox = "new-" + email
			token := p.do(200, "POST", "/auth/login", "", strings.Replace(credentials, "ada@example.com", email, 1)).field(t, "access_token")
			p.do(202, "POST", page.ask, token, `{"new_email":"`+mailbox+`"}`)
		default:
			p.do(202, "POST", page.ask, "", `{"email":"`+email+`"}`)
		}
		link := p.waitFor(`(?s)To: ` + mailbox + `.*?` + regexp.QuoteMeta(page.path) + `\?token=([\w.-]+)`)
		target := page.path + "?token=" + link[1]
		for range 2 {
			if body := p.do(200, "GET", target, "", "").body; !strings.Contains(body, link[1]) || strings.Contains(body, page.done) {
				t.Errorf("%s shows\n%s", page.path, body)
			}
			p.do(200, "HEAD", target, "", "")
		}
		response, err := http.Post(p.url+page.path, "application/x-www-form-urlencoded", strings.NewReader("token="+url.QueryEscape(link[1])+page.fields))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 200 || !strings.Contains(html.UnescapeString(string(body)), page.done) {
			t.Errorf("%s answers %d, %v\n%s", page.path, response.StatusCode, err, body)
		}
		p.do(page.login, "POST", "/auth/login", "", `{"email":"`+email+`","password":"Correct-Horse-7"}`)
	}
	if strings.Contains(p.stderr(), "Another-Horse-8") {
		t.Error("the log has the password")
	}
	p.stop()
}
