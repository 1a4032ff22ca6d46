package provider

import (
	"context"
	"errors"
	"net/url"
	"regexp"
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
			{Label: "Google", URL: strings.TrimSuffix("https://example.com/auth/providers/google/start?"+c.links, "?")},
			{Label: "Our <accounts>", URL: strings.TrimSuffix("https://example.com/auth/providers/my_idp/start?"+c.links, "?")},
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

// TestMailedTokensSurvive: programs that find links in a text, and the page itself, drop punctuation
// at the end, and some stop at two of them.
func TestMailedTokensSurvive(t *testing.T) {
	w := newWorld(t)
	for range 10 {
		if err := w.p().mailConfirmation(t.Context(), w.acme, says("1", ada, false), ""); err != nil {
			t.Fatal(err)
		}
		token := string(w.NextMail(MailConfirm).Token)
		if bad := regexp.MustCompile(`[-_.]([-_.]|$)`).FindString(token); bad != "" || token == "" {
			t.Fatalf("%s has %q", token, bad)
		}
	}
}

// TestConfirmPage: its button makes the account, or adds the identity to one if the browser is that
// which began, once. In another browser the account of an owner stays as it is, and the link good.
func TestConfirmPage(t *testing.T) {
	w := newWorld(t)
	press := func(token string, cookies map[string]string) error {
		for _, page := range w.Pages() {
			if page.Path == "/confirm-sign-in" {
				return page.Submit(t.Context(), kit.Submission{Token: token, Source: source{cookies: cookies}})
			}
		}
		t.Fatal("there is no page")
		return nil
	}
	mail := func(subject, email, flowID string) string {
		t.Helper()
		if err := w.p().mailConfirmation(t.Context(), w.acme, says(subject, email, false), flowID); err != nil {
			t.Fatal(err)
		}
		m := w.NextMail(MailConfirm)
		if !strings.Contains(string(m.Link), "/confirm-sign-in?token=") {
			t.Errorf("the link is %s", m.Link)
		}
		return string(m.Token)
	}
	token := mail("1", "new@example.com", "")
	if err := press(token, nil); err != nil {
		t.Fatal(err)
	}
	if u := w.user("new@example.com"); !u.Verified || len(w.identities(u)) != 1 {
		t.Errorf("verified %t, identities %v", u.Verified, w.identities(u))
	}
	if err := press(token, nil); !errors.Is(err, kit.ErrRevokedToken) {
		t.Errorf("again: %v", err)
	}

	w.LogIn(ada)
	f := flow{ID: "0123456789ABC", Stage: mailed}
	cookie, err := w.p().cookie(f, w.Clock.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	token = mail("2", ada, f.ID)
	if err := press(token, nil); !errors.Is(err, errLinkRequired) || len(w.identities(w.user(ada))) > 0 {
		t.Errorf("in another browser: %v, identities %v", err, w.identities(w.user(ada)))
	}
	if err := press(token, map[string]string{cookie.Name: cookie.Value}); err != nil {
		t.Errorf("in the browser that began: %v", err)
	}
	if got := w.identities(w.user(ada)); len(got) != 1 || got[0] != "2" {
		t.Errorf("identities %v", got)
	}
}
