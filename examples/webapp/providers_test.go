package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/provider"
)

// elsewhere is a provider whose user is who the test says.
type elsewhere struct{ account provider.Account }

func (e *elsewhere) provider(t *testing.T) provider.Provider {
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"access_token": "secret", "token_type": "Bearer", "expires_in": 60}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(tokens.Close)
	config := provider.Config{
		Name: "acme", Label: "Acme", Issuer: tokens.URL, ClientID: "notebook", ClientSecret: "secret",
		EmailDomains: []string{"acme.example"}, AllowPrivate: true,
	}
	identify := func(context.Context, *http.Client) (provider.Account, error) { return e.account, nil }
	return provider.OAuth2(config, provider.Endpoints{Authorization: tokens.URL + "/authorize", Token: tokens.URL}, identify)
}

// visit follows the redirects of a start to the provider, and comes back from there with a code, or
// with an error of RFC 6749. It returns where the callback leads.
func (b *browser) visit(start, problem string) string {
	b.t.Helper()
	leave := b.get(start).want(303).Header.Get("Location")
	u, err := url.Parse(leave)
	if err != nil {
		b.t.Fatal(err)
	}
	back := url.Values{"state": {u.Query().Get("state")}}
	if problem == "" {
		back.Set("code", "code-of-the-provider")
	} else {
		back.Set("error", problem)
	}
	b.header.Set("Sec-Fetch-Site", "cross-site")
	defer b.header.Set("Sec-Fetch-Site", "same-origin")
	return b.get("/auth/providers/acme/callback?" + back.Encode()).want(303).Header.Get("Location")
}

func TestProviders(t *testing.T) {
	e := &elsewhere{provider.Account{Subject: "1", Email: "grace@acme.example", EmailVerified: true, Name: "Grace"}}
	s := newSite(t, e.provider(t))
	b := s.browser()
	page := b.get("/sign-in?next=/account").want(200, "Continue with Acme")
	start := regexp.MustCompile(`href="(/sign-in/with/acme[^"]*)"`).FindStringSubmatch(page.text)[1]
	begin := b.get(start).want(303).Header.Get("Location")
	back := b.visit(begin, "")
	stranger := s.browser()
	stranger.get(back).want(401, "Sign in") // somebody else's code
	b.get(back).to("/account")
	b.get("/account").want(200, "grace@acme.example", "Linked accounts", "Set one")
	b.get(back).want(401) // a code works once

	begin = b.get("/sign-in/with/acme?next=//evil.example").want(303).Header.Get("Location")
	b.get(b.visit(begin, "")).to("/")
	begin = b.get("/sign-in/with/acme").want(303).Header.Get("Location")
	b.get(b.visit(begin, "access_denied")).want(403, "You were not signed in, because you cancelled")
	b.get("/signed-in?error=invalid_state").want(403, "begun in another browser")
	b.get("/signed-in?error=provider_unavailable").want(403, "between us and the provider")
	b.get("/signed-in?error=%3Cb%3E").want(403, "Something went wrong")

	// The only way in stays.
	b.get("/account/linked").want(200, "grace@acme.example", "Link an account of Acme")
	remove := regexp.MustCompile(`href="(/account/linked/[^"]*/remove)"`)
	path := remove.FindStringSubmatch(b.get("/account/linked").text)[1]
	b.get(path).want(200, "It does not sign you in any more")
	b.post(path).want(409, "Without this nothing could sign you in")

	// An account with a password links one, and unlinks it.
	e.account = provider.Account{Subject: "2", Email: "ada@acme.example", EmailVerified: true, Name: "Ada"}
	ada := s.signUp(ada)
	ada.get("/account/linked/acme").want(200, "You go to the provider now")
	leave := ada.post("/account/linked/acme").want(200, "go on to the provider")
	refresh, ok := strings.CutPrefix(leave.Header.Get("Refresh"), "0; url="+s.url+"/auth/providers/acme/start?link=")
	if !ok {
		t.Fatal(leave.Header)
	}
	back = ada.visit("/auth/providers/acme/start?link="+refresh, "")
	ada.get(back).to("/account/linked?done=linked")
	path = remove.FindStringSubmatch(ada.get("/account/linked").want(200, "ada@acme.example").text)[1]
	ada.get("/account/link-done?error=provider_denied").want(403, "because you cancelled")

	// Both factors are due after a provider's word, too.
	ada.enrol()
	other := s.browser()
	begin = other.get("/sign-in/with/acme?next=//evil.example").want(303).Header.Get("Location")
	other.get(other.visit(begin, "")).to("/second-factor?next=%2F")
	other.get("/account").to("/sign-in?next=%2Faccount")

	ada.post(path).to("/account/linked?done=unlinked")
	ada.get("/account/linked").want(200, "None is linked yet")

	// What the provider is not believed needs a link in a mail.
	e.account = provider.Account{Subject: "3", Email: "eve@elsewhere.example", EmailVerified: true, Name: "Eve"}
	eve := s.browser()
	begin = eve.get("/sign-in/with/acme").want(303).Header.Get("Location")
	eve.get(eve.visit(begin, "")).want(403, "we have sent you a mail")
	link := s.mail("eve@elsewhere.example", "").Link
	eve.get(link).want(200, "Yes, that was me")
	eve.post(link).to("/")
	eve.get("/").want(200, "Hello, Eve")
	eve.post(link).want(401)
}

// TestSignInAgain: a login in a browser that is signed in ends the session from before. If it is
// another user's, what the first one wanted is not done to that one.
func TestSignInAgain(t *testing.T) {
	e := &elsewhere{provider.Account{Subject: "1", Email: "grace@acme.example", EmailVerified: true, Name: "Grace"}}
	s := newSite(t, e.provider(t))
	again := func(b *browser, want string) {
		t.Helper()
		b.get(b.visit(b.get("/sign-in/with/acme?next=/account/delete").want(303).Header.Get("Location"), "")).to(want)
		if n := strings.Count(b.get("/account/devices").want(200).text, "Last used"); n != 1 {
			t.Errorf("%d sessions, want one", n)
		}
	}
	b := s.browser()
	again(b, "/account/delete")
	s.clock.Advance(31 * time.Minute) // the access token is over
	b.get("/account/delete").to("/confirm-it-is-you?next=%2Faccount%2Fdelete")
	again(b, "/account/delete")
	b.get("/account/delete").want(200)

	b.post("/sign-out").want(303)
	b = s.signUp(ada)
	again(b, "/")
	b.get("/").want(200, "Hello, Grace")
	b.post("/sign-in", "email", ada, "password", adaPassword).to("/")
	b.get("/account/devices").want(200, "this device")
	if n := strings.Count(b.get("/account/devices").text, "Last used"); n != 1 {
		t.Errorf("%d sessions, want one", n)
	}
}

func TestProviderSettings(t *testing.T) {
	if list, err := newProviders(environment()); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	list, err := newProviders(environment(
		"MYAUTH_PROVIDERS", "google, github,microsoft,acme", "MYAUTH_PROVIDER_GOOGLE_CLIENT_ID", "1", "MYAUTH_PROVIDER_GITHUB_CLIENT_ID", "2",
		"MYAUTH_PROVIDER_MICROSOFT_CLIENT_ID", "3", "MYAUTH_PROVIDER_ACME_CLIENT_ID", "4", "MYAUTH_PROVIDER_ACME_ISSUER", "https://acme.example"))
	if err != nil || len(list) != 4 || list[3].Label != "Acme" {
		t.Error(list, err)
	}
	list, err = newProviders(environment("MYAUTH_PROVIDERS", "acme", "MYAUTH_PROVIDER_ACME_CLIENT_ID", "4", "MYAUTH_PROVIDER_ACME_ISSUER", "https://acme.example",
		"MYAUTH_PROVIDER_ACME_LABEL", "ACME Inc.", "MYAUTH_PROVIDER_ACME_EMAIL_DOMAINS", "acme.example, acme.test"))
	if err != nil || list[0].Label != "ACME Inc." || !slices.Equal(list[0].EmailDomains, []string{"acme.example", "acme.test"}) {
		t.Error(list, err)
	}
	if _, err := newProviders(environment("MYAUTH_PROVIDERS", "google")); err == nil || !strings.Contains(err.Error(), "MYAUTH_PROVIDER_GOOGLE_CLIENT_ID") {
		t.Error(err)
	}
}
