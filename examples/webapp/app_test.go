package main

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// TestLife is the life of an account, page by page.
func TestLife(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.get("/").to("/sign-in")
	b.get("/sign-up").want(200, `autocomplete="new-password"`)
	b.post("/sign-up", "email", "ada", "username", "Countess", "password", "short").
		want(422, "This is not an email address", `aria-describedby="email-error email-hint"`, `value="Countess"`, "Use at least 8 characters", "<title>Error: ")
	b.post("/sign-up", "email", ada, "username", "Ada", "password", adaPassword).to("/check-your-mail?email=ada%40example.com&for=verification")
	b.get("/check-your-mail?email=ada%40example.com&for=verification").want(200, "<strong>"+ada+"</strong>")
	b.post("/sign-up", "email", ada, "username", "Ada", "password", adaPassword).want(409, "There is already an account", `id="email-error"`)
	b.post("/sign-in", "email", ada, "password", adaPassword).want(403, "We have sent a link to", ada)
	b.get("/mailbox").want(200, "Confirm your email address", "Open the link")

	link := s.mail(ada, "Confirm").Link
	b.get(link).want(200, "Yes, this is my address")
	b.post("/sign-in", "email", ada, "password", adaPassword).want(403) // opening the link changed nothing
	b.post(link+"x").want(401, "This link does not work", `href="/check-your-mail">Ask for a new link`)
	b.get("/check-your-mail").want(200, "we send you a new link")
	b.post(link).to("/sign-in?done=verified")
	b.get("/sign-in?done=verified").want(200, "Your email address is confirmed", `autocomplete="username webauthn"`)
	b.post("/sign-in", "email", ada, "password", newPassword).want(401, "The email address or the password is wrong", `value="`+ada+`"`)
	b.post("/sign-in?next=/account", "email", ada, "password", adaPassword).to("/account")

	b.get("/sign-in?next=/account").to("/account")

	b.get("/").want(200, "There are no notes yet", "Hello, Ada.")
	b.post("/", "text", " ").want(422, "Please fill this in")
	b.post("/", "text", strings.Repeat("x", maxNote+1)).want(422, "xxxxx")
	b.post("/", "text", strings.Repeat("ж", maxNote)).to("/")
	b.post("/notes/1/delete").to("/")
	b.post("/", "text", "<b>buy</b> cards").to("/")
	notes := b.get("/").want(200, "<b>buy</b> cards")
	if strings.Contains(notes.text, "<b>buy") {
		t.Error("a note is not escaped")
	}
	stranger := s.signUp("stranger@example.com")
	stranger.post("/notes/1/delete").to("/")
	b.get("/").want(200, "cards")
	b.post("/", "text", "second").to("/")
	b.post("/notes/1/delete").to("/")
	if strings.Contains(b.get("/").text, "cards") {
		t.Error("a deleted note is still there")
	}

	b.get("/account").want(200, ada, `value="Ada"`)
	b.post("/account", "username", "").want(422, `id="username-error"`)
	b.post("/account", "username", "Ada L.").to("/account?done=saved")
	b.get("/account?done=saved").want(200, "Saved.", `value="Ada L."`)
	b.get("/account?done=<b>").want(200)

	b.get("/account/password").want(200)
	b.post("/account/password", "current_password", "wrong", "new_password", newPassword).want(401, `id="current_password-error"`)
	b.post("/account/password", "current_password", adaPassword, "new_password", "short").want(422, `id="new_password-error"`)
	other := s.browser()
	other.signIn(ada, adaPassword)
	b.post("/account/password", "current_password", adaPassword, "new_password", newPassword).to("/account?done=password-changed")
	b.get("/").want(200)
	other.get("/").to("/sign-in")

	other.get("/forgot-password").want(200)
	other.post("/forgot-password", "email", "x").want(422, `id="email-error"`)
	other.post("/forgot-password", "email", ada).to("/check-your-mail?email=ada%40example.com&for=reset")
	other.get("/check-your-mail?email=ada%40example.com&for=reset").want(200, "choose a new password")
	link = s.mail(ada, "Reset").Link
	other.get(link).want(200)
	other.post(link, "new_password", "short").want(422, `id="new_password-error"`)
	other.post(link, "new_password", adaPassword).to("/sign-in?done=password-reset")
	other.post(link, "new_password", adaPassword).want(401, "Ask for a new link")
	b.get("/").to("/sign-in")
	b.signIn(ada, adaPassword)

	b.get("/account/email").want(200)
	b.post("/account/email", "new_email", "x").want(422, `id="new_email-error"`)
	b.post("/account/email", "new_email", "countess@example.com").to("/account?done=email-asked")
	link = s.mail("countess@example.com", "").Link
	other.get(link).want(200, "Yes, this is my new address")
	other.post(link).to("/sign-in?done=email-changed")
	other.post(link).want(401)
	b.get("/").to("/sign-in")
	b.signIn("countess@example.com", adaPassword)

	b.get("/account/delete").want(200)
	b.post("/account/delete", "email", ada).want(422, "This is not the address")
	b.post("/account/delete", "email", " Countess@example.com").to("/sign-in?done=deleted")
	b.get("/sign-in?done=deleted").want(200, "everything in it is deleted")
	b.get("/").to("/sign-in")
	b.post("/sign-in", "email", "countess@example.com", "password", adaPassword).want(401)
	var left int
	if err := s.db.QueryRow("SELECT count(*) FROM notes").Scan(&left); err != nil || left != 0 {
		t.Error("notes of the deleted account:", left, err)
	}
}

func TestDenyAndSendAgain(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.post("/sign-up", "email", ada, "username", "Ada", "password", adaPassword).want(303)
	link := s.mail(ada, "Confirm").DenyLink
	b.post("/check-your-mail", "email", "x").want(422)
	b.post("/check-your-mail", "email", ada).to("/check-your-mail?done=mail-sent&email=ada%40example.com&for=verification")
	s.mail(ada, "Confirm")
	b.get(link).want(200, "delete the account")
	b.post(link).to("/sign-in?done=denied")
	b.post(link).want(404, "no longer exists")
	if strings.Contains(b.get("/check-your-mail?email=call+0900+666").want(200).text, "0900") {
		t.Error("the page says what a link wants it to say")
	}
}

// TestByInvitation: where nobody signs up, the pages say so before anybody has typed a name, and an
// invitation leads to an account.
func TestByInvitation(t *testing.T) {
	s := newSiteOf(t, func(c *config) { c.options.Registration = kit.RegistrationInvited })
	b := s.browser()
	if page := b.get("/sign-in").want(200).text; strings.Contains(page, "/sign-up") {
		t.Error("the sign-in page leads to the sign-up page")
	}
	for _, got := range []seen{b.get("/sign-up").want(200), b.post("/sign-up", "email", ada, "username", "Ada", "password", adaPassword).want(403)} {
		if !strings.Contains(got.text, "by invitation only") || strings.Contains(got.text, "<form") {
			t.Errorf("the sign-up page is\n%s", got.text)
		}
	}
	b.post("/accept-invitation?token=myauth_in_x", "username", "Bob", "password", adaPassword).want(401, "Ask whoever invited you")

	if _, err := s.app.svc.CreateUser(t.Context(), kit.Registration{Email: ada, Username: "Ada", Password: adaPassword}, kit.AdminRole); err != nil {
		t.Fatal(err)
	}
	admin := s.browser()
	admin.signIn(ada, adaPassword)
	admin.post("/admin/invitations", "email", "bob@example.com").want(303)
	link := s.mail("bob@example.com", "invited").Link
	b.get(link).want(200, `autocomplete="name"`, `autocomplete="new-password"`)
	b.post(link, "username", "Bob <b>", "password", "short").want(422, `value="Bob <b>"`, "Use at least 8 characters")
	b.post(link, "username", "Bob", "password", newPassword).to("/sign-in?done=accepted")
	b.post(link, "username", "Bob", "password", newPassword).want(401, "Ask whoever invited you")
	b.signIn("bob@example.com", newPassword)
}

func TestDevices(t *testing.T) {
	s := newSite(t)
	b := s.signUp(ada)
	others := make([]*browser, 3)
	for i := range others {
		others[i] = s.browser()
		others[i].header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
		others[i].signIn(ada, adaPassword)
	}
	page := b.get("/account/devices").want(200, "this device", "Firefox on Linux", "Sign out everywhere else")
	ids := regexp.MustCompile(`action="(/account/devices/[^"]+)"`).FindAllStringSubmatch(page.text, -1)
	if len(ids) != 3 {
		t.Fatalf("%d devices can be signed out, want the 3 others", len(ids))
	}
	b.post(ids[0][1]).to("/account/devices?done=device")
	b.post(ids[0][1]).to("/account/devices?done=device")
	alive := 0
	for _, other := range others {
		if other.get("/").StatusCode == 200 {
			alive++
		}
	}
	if alive != 2 {
		t.Errorf("%d other devices are signed in, want 2", alive)
	}
	s.signUp("stranger@example.com").post(ids[1][1]).to("/account/devices?done=device")
	b.post("/account/devices").to("/account/devices?done=devices")
	for _, other := range others {
		other.get("/").to("/sign-in")
	}
	b.get("/account/devices?done=devices").want(200, "All other devices are signed out")
}

func TestSignOut(t *testing.T) {
	s := newSite(t)
	b := s.signUp(ada)
	access, refresh := b.cookie(cookie.Access), b.cookie(cookie.Refresh)
	b.get("/").want(200, "Sign out") // checkPage: it is not stored, so going back shows nothing
	s.clock.Advance(31 * time.Minute)
	b.post("/sign-out").to("/sign-in?done=signed-out")
	b.get("/").to("/sign-in")
	if b.cookie(cookie.Access) != "" || b.cookie(cookie.Refresh) != "" {
		t.Error("the cookies are still there")
	}
	thief := s.browser()
	thief.header.Set("Cookie", "myauth_at="+access+"; myauth_rt="+refresh)
	thief.get("/").to("/sign-in")
	b.post("/sign-out").to("/sign-in?done=signed-out") // twice does no harm
}

// TestRefresh: an access token that has expired is renewed on the way.
func TestRefresh(t *testing.T) {
	s := newSite(t)
	b := s.signUp(ada)
	before := b.cookie(cookie.Refresh)
	s.clock.Advance(31 * time.Minute)
	b.get("/").want(200, "Hello, Ada.")
	if after := b.cookie(cookie.Refresh); after == before || after == "" {
		t.Error("the refresh token is the same")
	}
	// A page that calls a route needs the new token for it, too.
	for range 2 {
		s.clock.Advance(31 * time.Minute)
		if got := b.get("/account/devices").want(200, "this device"); len(got.Header["Set-Cookie"]) != 2 {
			t.Errorf("cookies: %d", len(got.Header["Set-Cookie"]))
		}
		s.clock.Advance(31 * time.Minute)
		b.post("/account", "username", "Ada").to("/account?done=saved")
	}
	b.get("/").want(200)
}

// TestReauthentication: what is important asks for the password again, and then goes on.
func TestReauthentication(t *testing.T) {
	s := newSite(t)
	b := s.signUp(ada)
	s.clock.Advance(11 * time.Minute)
	for _, path := range []string{"/account/email", "/account/delete", "/account/two-factor/app", "/account/passkeys/new"} {
		b.get(path).to("/confirm-it-is-you?next=" + url.QueryEscape(path))
		b.post(path).to("/confirm-it-is-you?next=" + url.QueryEscape(path))
	}
	b.get("/confirm-it-is-you?next=/account/email").want(200, `autocomplete="current-password"`, "data-passkey")
	b.post("/confirm-it-is-you?next=/account/email", "password", newPassword).want(401, `id="password-error"`)
	b.post("/confirm-it-is-you?next=/account/email", "password", adaPassword).to("/account/email")
	b.get("/account/email").want(200)
	b.get("/account/delete").want(200)
}

func TestNextGoesNowhereElse(t *testing.T) {
	s := newSite(t)
	s.signUp(ada)
	for next, want := range map[string]string{
		"/account?x=1": "/account?x=1", "": "/", "//evil.example": "/", `/\evil.example`: "/", "https://evil.example/": "/",
		"javascript:alert(1)": "/", "/\t/evil.example": "/", "evil.example": "/", "%2F%2Fevil.example": "/",
	} {
		b := s.browser()
		address := "/sign-in?next=" + url.QueryEscape(next)
		if page := b.get(address).want(200); strings.Contains(page.text, `"javascript:`) || strings.Contains(page.text, `="//evil`) {
			t.Errorf("next=%q is a link in the page", next)
		}
		b.post(address, "email", ada, "password", adaPassword).to(want)
	}
}

// TestCrossOrigin: no form of another site works, whichever it is.
func TestCrossOrigin(t *testing.T) {
	s := newSite(t)
	source, err := os.ReadFile("app.go")
	if err != nil {
		t.Fatal(err)
	}
	forms := regexp.MustCompile(`"POST (/[^"]*)"`).FindAllSubmatch(source, -1)
	if len(forms) < 20 {
		t.Fatalf("%d forms were found", len(forms))
	}
	b := s.signUp(ada)
	for _, form := range forms {
		path := strings.NewReplacer("{$}", "", "{id}", "1").Replace(string(form[1]))
		for name, header := range map[string]http.Header{
			"cross-site": {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			"same-site":  {"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://other.localhost"}},
			"old":        {"Origin": {"https://evil.example"}},
		} {
			b.header = header
			if got := b.post(path, "email", ada, "password", adaPassword, "text", "evil"); got.StatusCode != http.StatusForbidden {
				t.Errorf("%s from %s: status %d", path, name, got.StatusCode)
			}
		}
	}
	b.header = http.Header{"Sec-Fetch-Site": {"cross-site"}} // a link of another site
	if strings.Contains(b.get("/").want(200).text, "evil") {
		t.Error("a form of another site wrote a note")
	}
}

// TestOutage: a store that does not answer signs nobody out.
func TestOutage(t *testing.T) {
	s := newSite(t)
	b := s.signUp(ada)
	b.post("/", "text", "kept").to("/")
	access, refresh := b.cookie(cookie.Access), b.cookie(cookie.Refresh)
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Late, kittest.Broken} {
		s.faults.Inject("*", fault, -1)
		for _, expired := range []bool{false, true} {
			if expired {
				s.clock.Advance(31 * time.Minute)
			}
			for _, path := range []string{"/", "/account", "/account/devices", "/account/two-factor", "/account/passkeys"} {
				got := b.get(path)
				if got.StatusCode < 500 || strings.Contains(got.text, "kept") || got.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s with fault %d: status %d, Set-Cookie %q", path, fault, got.StatusCode, got.Header.Get("Set-Cookie"))
				}
				if fault == kittest.Down {
					got.want(503, "We cannot do this right now")
					if got.Header.Get("Retry-After") == "" {
						t.Error("503 without Retry-After")
					}
				}
			}
			fresh := s.browser()
			fresh.get("/sign-in").want(200)
			if got := fresh.post("/sign-in", "email", ada, "password", adaPassword); got.StatusCode < 500 || !strings.Contains(got.text, ada) {
				t.Errorf("sign-in with fault %d: %d %s", fault, got.StatusCode, got.text)
			}
		}
		s.faults.Clear()
		if b.cookie(cookie.Refresh) != refresh || b.cookie(cookie.Access) != access {
			t.Fatal("the cookies changed in the outage")
		}
		b.get("/").want(200, "kept")
		access, refresh = b.cookie(cookie.Access), b.cookie(cookie.Refresh)
	}
}

func TestNotFoundAndOtherHosts(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.get("/nothing").want(404, "There is no such page")
	if got := b.get("/static/nothing"); got.StatusCode != 404 || got.Header.Get("Cache-Control") != "" {
		t.Error(got.StatusCode)
	}
	style := regexp.MustCompile(`href="(/static/app.css[^"]*)"`).FindStringSubmatch(b.get("/sign-in").text)
	if got := b.get(style[1]).want(200, "prefers-color-scheme"); !strings.Contains(got.Header.Get("Cache-Control"), "immutable") {
		t.Error(got.Header)
	}
	b.get("/static/").want(404, "There is no such page")
	b.post("/sign-in", "email", strings.Repeat("x", maxForm)).want(422)
	r, err := http.NewRequestWithContext(t.Context(), "GET", strings.Replace(s.url, "localhost", "127.0.0.1", 1)+"/sign-up", nil)
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]int{"GET": 307, "POST": 421} {
		r.Method = method
		got, err := b.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != want || method == "GET" && got.Header.Get("Location") != s.url+"/sign-up" {
			t.Error(method, got.StatusCode, got.Header)
		}
	}
}

func TestWords(t *testing.T) {
	for wait, want := range map[time.Duration]string{time.Second: "Wait a moment", 30 * time.Second: "Wait 30 seconds", 601 * time.Second: "Wait 11 minutes"} {
		if got := words(kit.Problem{Code: "too_many_requests", RetryAfter: wait}); !strings.Contains(got, want) {
			t.Errorf("after %v: %q", wait, got)
		}
	}
	if got := words(kit.Problem{Code: "new", Detail: "sql: secret"}); strings.Contains(got, "sql") || got == "" {
		t.Error(got)
	}
}
