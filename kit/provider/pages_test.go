package provider

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// address is the address of a page.
type address struct {
	kit.Source
	query url.Values
}

func (a address) QueryValue(name string) string { return a.query.Get(name) }

func (a address) CookieValue(string) string { return "" }

// pageOf returns one of the pages of a feature with two providers.
func pageOf(t *testing.T, path string) kit.Page {
	t.Helper()
	silent := func(name, label string) Provider {
		return Provider{Config: Config{Name: name, Label: label}, connect: func(Config, string, func() time.Time) (protocol, error) { return nil, nil }}
	}
	f, err := New("https://example.com/auth", []string{"https://example.com/sign-in", "com.example.app:/done"}, silent("google", "Google"), silent("my_idp", "Our <accounts>"))
	if err != nil {
		t.Fatal(err)
	}
	clients, err := f.connect(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range (&providers{Feature: f, clients: clients}).pages() {
		if page.Path == path {
			return page
		}
	}
	t.Fatalf("there is no page %s", path)
	return kit.Page{}
}

// TestSignInPage: its links begin a login, with what a page wants of it if that is allowed, and
// with nothing else. A code, or a known error, has words.
func TestSignInPage(t *testing.T) {
	page := pageOf(t, "/sign-in")
	const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	const app = "redirect_to=com.example.app%3A%2Fdone"
	for _, c := range []struct {
		query string
		links string // the query of each link; - for none
		code  string // of the view, or of a refusal
		done  bool
	}{
		{"", "", "", false},
		{"x=1&link=abc", "", "", false},
		{app, app, "", false},
		{app + "&code_challenge=" + challenge, "code_challenge=" + challenge + "&" + app, "", false},
		{"redirect_to=https%3A%2F%2Fevil.example%2F", "-", "redirect_to not_allowed", false},
		{"redirect_to=com.example.app%3A%2Fdone%2F", "-", "redirect_to not_allowed", false},
		{app + "&code_challenge=plain", "-", "code_challenge not_allowed", false},
		{"error=link_required", "", "link_required", false},
		{"error=invalid_state", "", "invalid_state", false},
		{"error=email_unverified", "", "email_unverified", false},
		{"error=Call+0900+123", "", "provider_unavailable", false}, // whoever made that link
		{"code=myauth_st_x", "-", "", true},
	} {
		query, _ := url.ParseQuery(c.query)
		view, err := page.Open(context.Background(), address{query: query})
		links := []kit.PageLink{
			{Label: "Continue with Google", URL: strings.TrimSuffix("https://example.com/auth/providers/google/start?"+c.links, "?")},
			{Label: "Continue with Our <accounts>", URL: strings.TrimSuffix("https://example.com/auth/providers/my_idp/start?"+c.links, "?")},
		}
		code := view.Code
		var bad *kit.ValidationError
		if errors.As(err, &bad) {
			code = bad.Fields[0].Field + " " + bad.Fields[0].Code
		}
		if code != c.code || view.Done != c.done || (c.links == "-") != (len(view.Links) == 0) {
			t.Errorf("%s: %+v, %v", c.query, view, err)
		}
		for i, link := range view.Links {
			if link != links[i] {
				t.Errorf("%s: link %+v, want %+v", c.query, link, links[i])
			}
		}
	}
	for code, words := range page.Problems {
		if words == "" {
			t.Errorf("no words for %s", code)
		}
	}
}
