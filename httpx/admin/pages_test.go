package admin_test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/kittest"
)

// TestPagesActs: each act of the pages is done, once, in the administrator's name.
func TestPagesActs(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signedIn()
	s.acts()
	b.get("./?email=BOB")
	b.want(200, "Accounts", "bob@example.com", "reader")
	if strings.Contains(b.page, "ada@") {
		t.Error("the search finds others")
	}
	bob := below + "/users/" + s.bob.ID
	b.get(bob)
	b.want(200, "Account", "bob@example.com", s.bob.ID, "reader", "confirmed")

	b.press("Save", "username", "Robert", "roles", "writer", "-keep", "0")
	b.want(200, "Account", "Saved.", "Robert")
	if u := stored(s.t, s.Kit, s.bob.ID); u.Username != "Robert" || !slices.Equal(u.Roles, []string{"writer"}) {
		t.Errorf("the account is %q %q", u.Username, u.Roles)
	}
	for _, step := range []struct {
		button, notice string
		asks           bool
		is             func(kit.User) bool
		event          string
	}{
		{"Mark the address as not confirmed", "is marked as not confirmed", false, func(u kit.User) bool { return !u.Verified }, "email_unverified ada bob"},
		{"Mark the address as confirmed", "is marked as confirmed", false, func(u kit.User) bool { return u.Verified }, "email_verified ada bob"},
		{"Mail a password reset", "on its way", false, func(kit.User) bool { s.NextMail(kit.MailPasswordReset); return true }, ""},
		{"Sign out everywhere", "signed out everywhere", false, func(u kit.User) bool { return u.SessionEpoch > s.bob.SessionEpoch }, "all_sessions_ended ada bob"},
		{"Disable the account", "is disabled", true, func(u kit.User) bool { return !u.Active }, "user_deactivated ada bob"},
		{"Enable the account", "can sign in again", false, func(u kit.User) bool { return u.Active }, "user_activated ada bob"},
	} {
		b.get(bob)
		s.acts()
		if step.asks {
			b.get(bob + "/" + strings.ToLower(strings.Fields(step.button)[0]))
			b.want(200, step.button, "bob@example.com", "Robert")
		}
		b.press(step.button)
		b.want(200, "Account", step.notice)
		if step.button == "Disable the account" && strings.Contains(b.page, "Mail a password reset") {
			t.Error("a mail is offered that no disabled account gets")
		}
		if step.is != nil && !step.is(stored(s.t, s.Kit, s.bob.ID)) {
			t.Errorf("%q has done nothing", step.button)
		}
		if got := strings.Join(s.acts(), ", "); step.event != "" && got != step.event {
			t.Errorf("%q made the events %s, want %s", step.button, got, step.event)
		}
	}
	u := stored(s.t, s.Kit, s.bob.ID)
	u.Factors = []string{"totp"}
	if err := s.Store.Users().Update(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	b.get(bob)
	b.want(200, "Account", "totp")
	b.get(bob + "/reset-factors")
	b.press("Remove the second factors")
	b.want(200, "Account", "no second factor any more")
	if len(stored(s.t, s.Kit, s.bob.ID).Factors) > 0 {
		t.Error("there are second factors left")
	}
	s.acts()
	b.get(bob + "/delete")
	b.want(200, "Delete the account", "bob@example.com", "can’t be undone")
	again := b.at
	b.press("Delete the account")
	b.want(200, "Accounts", "The account is deleted.")
	if _, err := s.UserByID(t.Context(), s.bob.ID); err == nil {
		t.Error("the account is still there")
	}
	if got := strings.Join(s.acts(), ", "); got != "user_deleted ada bob" {
		t.Errorf("the events are %s", got)
	}
	b.send("POST", again, url.Values{})
	b.want(200, "Accounts", "The account is deleted.")
	b.get(bob)
	b.want(404, "This didn’t work", "There is no such account")
	b.press("Sign out")
	b.want(200, "Sign in", "You are signed out.")
	if len(b.cookies) > 1 { // but for the device's
		t.Errorf("cookies are left: %v", b.cookies)
	}
}

// TestPagesForward: pages of a search go forwards, and see each account once.
func TestPagesForward(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for i := range 120 {
		s.LogIn(fmt.Sprintf("many%03d@example.com", i))
	}
	b := s.signedIn()
	b.get("./?email=many")
	next := regexp.MustCompile(`<a href="([^"]*)" rel="next">`)
	var seen []string
	for pages := 1; ; pages++ {
		seen = append(seen, regexp.MustCompile(`many\d+`).FindAllString(b.page, -1)...)
		seen = slices.Compact(seen) // each is there as address and as name
		m := next.FindStringSubmatch(b.page)
		if m == nil {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		b.get(strings.ReplaceAll(m[1], "&amp;", "&"))
		b.want(200, "Accounts", "First page")
	}
	if len(seen) != 120 || !slices.IsSorted(seen) {
		t.Errorf("%d accounts are listed: %v", len(seen), seen)
	}
	b.get("./?email=nobody")
	b.want(200, "Accounts", "No address begins like this.")
	b.get("./?email=many&after=nonsense")
	b.want(422, "Accounts", "not the beginning of an address")
}

// TestPagesRefusals: what the API refuses is said in words, and what was typed is kept.
func TestPagesRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, func(o *kit.Options) {
		o.Hooks.MayGrant = func(_ context.Context, _ kit.User, role string) bool { return role != "owner" }
	})
	b := s.signedIn()
	s.acts()
	ada, bob := below+"/users/"+s.ada.ID, below+"/users/"+s.bob.ID
	kept := func(name, roles string) {
		t.Helper()
		if _, form := b.form("Save"); form.Get("username") != name || form.Get("roles") != roles || len(form["keep"]) != 1 {
			t.Errorf("the form has %v", form)
		}
	}
	b.get(bob)
	b.press("Save", "username", "Robert", "roles", "owner")
	b.want(403, "Account", "may not give or take away")
	kept("Robert", "owner")
	b.press("Save", "username", strings.Repeat("x", 65), "roles", strings.Repeat("y", 65))
	b.want(422, "Account", "Name: must have at most 64 characters", "Roles: a role has at most 64 characters")
	kept(strings.Repeat("x", 65), strings.Repeat("y", 65))
	for _, id := range []string{"username", "roles"} {
		if !strings.Contains(b.page, `href="#`+id+`"`) || !strings.Contains(b.page, `aria-describedby="`+id+`-error `) {
			t.Errorf("what is wrong with %s is not linked", id)
		}
	}
	b.get(ada)
	b.press("Save", "-keep", "0")
	b.want(409, "Account", "the only active administrator")
	for _, act := range []string{"Disable the account", "Delete the account"} {
		b.get(ada + "/" + strings.ToLower(strings.Fields(act)[0]))
		b.press(act)
		b.want(409, act, "the only active administrator", "ada@example.com")
	}

	b.get(bob)
	s.Faults.Inject("users.Update", kittest.Down, 1)
	b.press("Save", "username", "Robert", "roles", "writer")
	b.want(503, "Account", "We can’t do this right now")
	kept("Robert", "writer")
	if b.header.Get("Retry-After") == "" {
		t.Error("nothing says when to try again")
	}
	s.Faults.Inject("*", kittest.Down, -1)
	b.press("Save", "username", "Robert", "roles", "writer")
	b.want(503, "Account", "We can’t do this right now")
	kept("Robert", "writer")
	b.get(bob)
	b.want(503, "This didn’t work", "We can’t do this right now")
	b.get(bob + "/disable")
	b.want(503, "This didn’t work")
	s.Faults.Clear()
	if b.cookies["__Host-myauth_rt"] == "" {
		t.Error("an outage has signed the browser out")
	}
	b.get(bob + "/disable")
	s.Faults.Inject("users.Update", kittest.Down, -1)
	b.press("Disable the account")
	b.want(503, "Disable the account", "bob@example.com", "wait a moment")
	s.Faults.Clear()
	s.Faults.Inject("users.Update", kittest.Broken, -1)
	b.press("Disable the account")
	b.want(500, "Disable the account", "Something went wrong on our side")
	s.Faults.Clear()
	if got := s.acts(); len(got) > 0 {
		t.Errorf("what was refused made the events %v", got)
	}
	for _, strange := range []string{"/nothing", "/users/" + s.bob.ID + "/nothing", "/users//x", "/users/%2e%2e/x", "/users/"} {
		b.get(below + strange)
		if b.status != 404 && b.status != 301 && b.status != 307 {
			t.Errorf("%s is %d", strange, b.status)
		}
	}
	b.send("POST", bob, url.Values{"username": {strings.Repeat("x", 70_000)}})
	b.want(400, "This didn’t work", "Perhaps it is too long")
	b.send("POST", bob+"/nothing", url.Values{})
	b.want(404, "Not found")

	mallory := s.browser()
	mallory.get(bob)
	mallory.want(200, "Sign in")
	mallory.press("Sign in", "email", "bob@example.com", "password", kittest.Password)
	mallory.want(403, "This didn’t work", "not as an administrator")
	mallory.send("POST", ada+"/disable", url.Values{})
	mallory.want(403, "Disable the account", "not as an administrator")
	if !stored(s.t, s.Kit, s.ada.ID).Active || strings.Contains(mallory.page, "ada@") {
		t.Error("somebody who is no administrator did or saw something")
	}
}

// TestPagesKeepOthersChanges: a form changes only what was changed in it.
func TestPagesKeepOthersChanges(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signedIn()
	b.get(below + "/users/" + s.bob.ID)
	if _, err := s.SetRoles(t.Context(), s.bob.ID, "reader", "a\nb ", "late"); err != nil {
		t.Fatal(err)
	}
	b.press("Save", "username", "Robert")
	b.want(200, "Account", "Robert", "late")
	b.press("Save", "-keep", "0")
	b.want(200, "Account")
	if u := stored(s.t, s.Kit, s.bob.ID); u.Username != "Robert" || !slices.Equal(u.Roles, []string{"a\nb ", "late"}) {
		t.Errorf("the account is %q %q", u.Username, u.Roles)
	}
}

var isolated = regexp.MustCompile(`(?s)<bdi>.*?</bdi>|<textarea.*?</textarea>|<[^>]*>`)

// TestPagesSafety: nothing that a user chose becomes markup, other sites start nothing, and what
// is read changes nothing.
func TestPagesSafety(t *testing.T) {
	t.Parallel()
	s := newSite(t, &admin.PagesOptions{ProductName: `<i>"Shop"`})
	const probe = `"'><script>x</script>&{{.}}`
	name := probe + "\u202e\u2066"
	if _, err := s.EditUser(t.Context(), s.bob.ID, kit.Edit{Username: &name, Roles: []string{name, "javascript:alert(1)"}}); err != nil {
		t.Fatal(err)
	}
	ctx := kit.WithClient(t.Context(), kit.Client{UserAgent: probe + " Firefox"})
	if _, err := s.Grant(ctx, kit.Login{User: stored(s.t, s.Kit, s.bob.ID), AMR: []string{probe}}); err != nil {
		t.Fatal(err)
	}
	b := s.signedIn()
	b.get("invitations")
	b.press("Invite", "email", "carol@example.com", "roles", probe+"\u202e\r\nreader")
	b.want(200, "Invitations", "on its way")
	b.get("./?email=" + url.QueryEscape(probe))
	b.want(200, "Accounts")
	seen := map[string]bool{}
	writes := func() (n int) {
		for _, op := range []string{"Create", "Update", "Delete"} {
			for _, store := range []string{"users", "tokens", "credentials"} {
				n += s.Faults.Calls(store + "." + op)
			}
		}
		return n
	}
	before := writes()
	for todo := []string{below + "/", b.at, below + "/confirm?next=%22%3E%3Cscript%3E", below + "/sign-in?next=/users/x", below + "/?done=" + url.QueryEscape(probe)}; len(todo) > 0; {
		next := todo[0]
		todo = todo[1:]
		if seen[next] {
			continue
		}
		seen[next] = true
		b.get(next)
		if b.status != 200 {
			t.Errorf("%s is %d", next, b.status)
		}
		for _, bad := range []string{"<script", "<i>", " style=", " onclick", "http://", "https://"} {
			if strings.Contains(b.page, bad) {
				t.Errorf("%s has %q:\n%s", next, bad, b.page)
			}
		}
		// In a value of an attribute, a text area or a bdi it is on its own.
		if rest := isolated.ReplaceAllString(b.page, ""); strings.ContainsAny(rest, "\u202e\u2066") {
			t.Errorf("%s has a text that turns the text around it:\n%s", next, rest)
		}
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
			if ids[m[1]] {
				t.Errorf("%s has two elements %s", next, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range regexp.MustCompile(` (?:for|aria-describedby|aria-labelledby)="([^"]*)"| href="#([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
			for id := range strings.FieldsSeq(m[1] + m[2]) {
				if !ids[id] {
					t.Errorf("%s refers to %s, which is not there", next, id)
				}
			}
		}
		policy := b.header.Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`^default-src 'none'; style-src 'nonce-([A-Z2-7]{26})'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$`).FindStringSubmatch(policy)
		if nonce == nil || !strings.Contains(b.page, `<style nonce="`+nonce[1]+`">`) || seen[nonce[1]] {
			t.Errorf("%s has the policy %q", next, policy)
		} else {
			seen[nonce[1]] = true
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"} {
			if got := b.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", next, name, got)
			}
		}
		here, _ := url.Parse(b.at)
		for _, m := range regexp.MustCompile(`<a [^>]*href="([^"#]*)"|<form[^>]* action="([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
			link, err := here.Parse(strings.ReplaceAll(m[1]+m[2], "&amp;", "&"))
			if err != nil || !strings.HasPrefix(link.Path, below+"/") {
				t.Errorf("%s leads to %q", next, m[0])
			} else if m[1] != "" {
				todo = append(todo, link.RequestURI())
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only these pages were seen: %v", seen)
	}
	if n := writes() - before; n > 0 {
		t.Errorf("looking at pages wrote %d times", n)
	}

	foreign := s.browser()
	foreign.cookies = b.cookies
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
		foreign.headers = headers
		for _, page := range []string{"/users/" + s.bob.ID, "/users/" + s.bob.ID + "/disable", "/sign-in", "/confirm", "/sign-out"} {
			foreign.send("POST", below+page, url.Values{"username": {"Mallory"}, "again": {"username=Mallory"}, "next": {"/users/" + s.bob.ID}})
			if foreign.status != 403 || !strings.Contains(foreign.page, "cross_origin") || strings.Contains(foreign.page, "Mallory") {
				t.Errorf("POST %s of %v: %d %s", page, headers, foreign.status, foreign.page)
			}
		}
	}
	if u := stored(s.t, s.Kit, s.bob.ID); !u.Active || u.Username != name {
		t.Error("another site changed an account")
	}
}

func TestPagesNeed(t *testing.T) {
	t.Parallel()
	with := kittest.New(t, func(o *kit.Options) { o.Features = []kit.Feature{admin.New(nil)} })
	for _, tc := range []struct {
		svc     *kit.Service
		cookies bool
		opts    *admin.PagesOptions
		err     string
	}{
		{with.Service, false, nil, "httpx.Options.Cookies"},
		{kittest.New(t).Service, true, nil, "admin.New"},
		{with.Service, true, &admin.PagesOptions{SignIn: "//evil.example"}, "SignIn"},
		{with.Service, true, &admin.PagesOptions{Confirm: "confirm"}, "Confirm"},
		{with.Service, true, &admin.PagesOptions{SignIn: "/sign-in"}, ""},
	} {
		auth, err := httpx.New(tc.svc, &httpx.Options{Cookies: tc.cookies})
		if err != nil {
			t.Fatal(err)
		}
		_, err = admin.Pages(auth, tc.opts)
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("cookies %t, %+v: %v", tc.cookies, tc.opts, err)
		}
	}
	if _, err := admin.Pages(nil, nil); err == nil {
		t.Error("there are pages without a Handler")
	}
}

// unlisted is a store that cannot list its users.
type unlisted struct{ kit.UserStore }

func TestPagesOverAStoreWithoutAList(t *testing.T) {
	t.Parallel()
	k := kittest.New(t)
	stores := k.Store.Stores()
	stores.Users = unlisted{stores.Users}
	svc, err := kit.New(stores, k.Keys, &kit.Options{Features: []kit.Feature{admin.New(nil)}, InsecureUnlimited: true, Now: k.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	k.LogIn("ada@example.com", "admin")
	b := (&site{t: t, handler: mounted(t, svc, nil)}).browser()
	b.get(below + "/")
	b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
	b.want(501, "This didn’t work", "The store of this service cannot list users.")
}

// TestPagesInvitations: they are made, listed and revoked, and are nowhere without the feature.
func TestPagesInvitations(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, func(o *kit.Options) {
		o.Hooks.MayGrant = func(_ context.Context, _ kit.User, role string) bool { return role != "owner" }
	})
	b := s.signedIn()
	s.acts()
	b.get("invitations")
	b.want(200, "Invitations", "None.")
	b.press("Invite", "email", "carol", "roles", "owner")
	b.want(422, "Invitations", "Email address: ")
	b.press("Invite", "email", "carol@example.com", "roles", "owner\r\n<i>\r\n")
	b.want(403, "Invitations", "may not give or take away")
	if _, form := b.form("Invite"); form.Get("email") != "carol@example.com" || form.Get("roles") != "owner\r\n<i>\r\n" {
		t.Errorf("the form has %q", form)
	}
	s.Faults.Inject("*", kittest.Down, -1)
	b.press("Invite", "email", "carol@example.com", "roles", "reader")
	b.want(503, "Invitations", "We can’t do this right now")
	s.Faults.Clear()
	if _, form := b.form("Invite"); form.Get("email") != "carol@example.com" || form.Get("roles") != "reader" {
		t.Errorf("the form has %q", form)
	}
	b.press("Invite", "roles", " reader \r\n\r\n<i>")
	b.want(200, "Invitations", "The invitation is on its way.", "carol@example.com", "reader", "<i>", "Until 1 December 2026")
	s.NextMail(invitation.MailInvitation)
	b.press("Invite", "email", "dave@example.com")
	s.NextMail(invitation.MailInvitation)
	b.press("Revoke the invitation of carol@example.com")
	b.want(200, "Invitations", "The invitation is revoked.", "dave@example.com")
	if strings.Contains(b.page, "carol@") {
		t.Error("the invitation is still there")
	}
	again := b.page
	b.press("Revoke the invitation of dave@example.com")
	b.want(200, "Invitations", "None.")
	b.page = again
	b.press("Revoke the invitation of dave@example.com")
	b.want(200, "Invitations", "The invitation is revoked.")
	if got := strings.Join(s.acts(), ","); got != "invitation_made ada ,invitation_made ada ,invitation_revoked ada ,invitation_revoked ada " {
		t.Errorf("the events are %q", got)
	}

	// A login that is too old keeps what was typed.
	s.Clock.Advance(11 * time.Minute)
	b.press("Invite", "email", "erin@example.com", "roles", "reader")
	b.want(401, "Confirm it’s you", "Nothing has been changed yet")
	b.press("Continue", "password", kittest.Password)
	b.want(200, "Invitations", "None.")
	b.press("Invite")
	b.want(200, "Invitations", "erin@example.com")

	without := kittest.New(t, func(o *kit.Options) { o.Features = []kit.Feature{admin.New(nil)} })
	without.LogIn("ada@example.com", "admin")
	b = (&site{t: t, handler: mounted(t, without.Service, nil)}).signedIn()
	if strings.Contains(b.page, "nvitation") {
		t.Error("there is a link to pages that are not there")
	}
	b.get("invitations")
	b.want(404, "Not found")
	b.send("POST", "invitations", url.Values{"email": {"carol@example.com"}})
	b.want(404, "Not found")
}

// TestPagesOfStrangeIDs: an import keeps the IDs of other systems, which may have any character.
func TestPagesOfStrangeIDs(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for i, id := range []string{"auth0|5f7c8ec7", "a/b", `x?y#z%41&"<`, "a%2Fb", "42"} {
		email := fmt.Sprintf("carol%d@example.com", i)
		if _, err := s.Import(t.Context(), kit.User{ID: id, Email: email, Username: "Carol", Active: true}); err != nil {
			t.Fatal(err)
		}
		b := s.signedIn()
		b.get("./?email=" + email)
		b.follow(email)
		b.want(200, "Account", id, email)
		b.press("Mark the address as confirmed")
		b.want(200, "Account", "is marked as confirmed")
		b.press("Save", "username", "Caroline")
		b.want(200, "Account", "Saved.", "Caroline", id)
		s.Clock.Advance(11 * time.Minute)
		b.press("Save", "username", "Carola")
		b.want(401, "Confirm it’s you")
		b.press("Continue", "password", kittest.Password)
		b.want(200, "Account", "Nothing has been changed yet", id)
		b.press("Save")
		b.want(200, "Account", "Saved.", "Carola", id)
		s.Clock.Advance(11 * time.Minute)
		b.get(b.at)
		b.want(200, "Confirm it’s you")
		b.press("Continue", "password", kittest.Password)
		b.want(200, "Account", id)
		b.follow("Delete the account …")
		b.press("Delete the account")
		b.want(200, "Accounts", "The account is deleted.")
		if _, err := s.UserByID(t.Context(), id); err == nil {
			t.Errorf("%s is still there", id)
		}
	}
}

// TestPagesOfOneself: an administrator who ends the own session hears what was done, and one who
// takes the own role away that it is gone.
func TestPagesOfOneself(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.LogIn("boss@example.com", "admin")
	own := below + "/users/" + s.ada.ID
	b := s.signedIn()
	b.get(own)
	b.press("Sign out everywhere")
	b.want(200, "Sign in", "The account is signed out everywhere.")
	b.press("Sign in", "email", "ada@example.com", "password", kittest.Password)
	b.want(200, "Accounts")
	b.get(own)
	b.press("Save", "-keep", "0")
	b.want(403, "This didn’t work", "not as an administrator")
	for _, end := range []struct{ act, button, notice string }{
		{"disable", "Disable the account", "The account is disabled, and signed out everywhere."},
		{"delete", "Delete the account", "The account is deleted."},
	} {
		if _, err := s.EditUser(t.Context(), s.ada.ID, kit.Edit{Roles: []string{"admin"}, Active: new(true)}); err != nil {
			t.Fatal(err)
		}
		b = s.signedIn()
		b.get(own + "/" + end.act)
		b.press(end.button)
		b.want(200, "Sign in", end.notice)
		if b.cookies["__Host-myauth_at"] != "" {
			t.Errorf("%s leaves a session", end.act)
		}
	}
	b.press("Sign in", "email", "boss@example.com", "password", kittest.Password)
	b.want(200, "Accounts")
}

// TestPagesOfManySessions: a page stays short, however many programs are signed in.
func TestPagesOfManySessions(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for range 120 {
		s.LogIn("bob@example.com")
	}
	s.Clock.Advance(time.Minute)
	if _, err := s.Grant(kit.WithClient(t.Context(), kit.Client{UserAgent: "the last one"}), kit.Login{User: stored(s.t, s.Kit, s.bob.ID), AMR: []string{"pwd"}}); err != nil {
		t.Fatal(err)
	}
	b := s.signedIn()
	b.get(below + "/users/" + s.bob.ID)
	b.want(200, "Account", "the last one", "… and 72 more")
	if n := strings.Count(b.page, "Last used"); n != 50 {
		t.Errorf("%d sessions are shown", n)
	}
}
