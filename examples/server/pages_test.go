package main

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// TestPages: every page that a link leads to, and every file that a page asks
// for, is there with the headers that keep its token where it is; and a page asks
// for nothing from elsewhere.
func TestPages(t *testing.T) {
	handler := newHandler(newService(t, memstore.New(), kit.Options{}), nil)
	get := func(target string) *httptest.ResponseRecorder {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != 200 {
			t.Fatalf("%s: status %d", target, w.Code)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": pageCSP,
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-store",
			"X-Content-Type-Options":  "nosniff",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", target, name, got, want)
			}
		}
		return w
	}
	references := regexp.MustCompile(`(?:src|href|action)="([^"]*)"`)
	for _, page := range []string{"/verify-email", "/reset-password"} {
		w := get(page + "?token=abc")
		if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("%s is %s", page, got)
		}
		html := w.Body.String()
		if strings.Contains(html, "abc") {
			t.Errorf("%s has the token in it", page)
		}
		if strings.Contains(html, "<style") || regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(html) || regexp.MustCompile(`\son\w+=`).MatchString(html) {
			t.Errorf("%s has an inline script or style, which its policy forbids", page)
		}
		for _, m := range references.FindAllStringSubmatch(html, -1) {
			// Relative, so that the pages also work behind a prefix.
			if u, err := url.Parse(m[1]); err != nil || u.IsAbs() || strings.HasPrefix(m[1], "/") {
				t.Errorf("%s refers to %s", page, m[1])
			}
			get(path.Join("/", m[1]))
		}
	}
}

// TestPagesPostToTheAPI follows both pages by what they say: the form's address and
// its fields. And to open a page, or to look at its head, uses no token up.
func TestPagesPostToTheAPI(t *testing.T) {
	p := startServer(t, t.TempDir())
	p.do(201, "POST", "/auth/register", "", registration)
	p.do(202, "POST", "/auth/password-reset-request", "", `{"email":"ada@example.com"}`)
	for _, page := range []struct{ path, fields string }{
		{"/verify-email", ""},
		{"/reset-password", `,"new_password":"Another-Horse-8"`},
	} {
		link := p.waitFor(regexp.QuoteMeta(p.url+page.path) + `\?token=([\w.-]+)`)
		html := p.do(200, "GET", page.path+"?token="+link[1], "", "").body
		p.do(200, "HEAD", page.path+"?token="+link[1], "", "")
		p.do(405, "POST", page.path+"?token="+link[1], "", "{}")
		target := regexp.MustCompile(`data-post="([^"]*)"`).FindStringSubmatch(html)
		for _, m := range regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(page.fields, -1) {
			if !strings.Contains(html, `name="`+m[1]+`"`) {
				t.Errorf("%s has no field %s", page.path, m[1])
			}
		}
		p.do(204, "POST", "/"+target[1], "", fmt.Sprintf(`{"token":%q%s}`, link[1], page.fields))
	}
	p.do(200, "POST", "/auth/login", "", `{"email":"ada@example.com","password":"Another-Horse-8"}`)
	if bytes.Contains([]byte(p.stderr()), []byte("Another-Horse-8")) {
		t.Error("the log has the password")
	}
	p.stop()
}
