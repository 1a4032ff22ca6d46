package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestTwoTabs: of one session, one tab renews it while the other works on, and signs it out.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.profile()
	first.signUp(ada)
	second := first.tab()
	second.visit("/", "Your notes")
	before := first.cookies()
	first.forget("myauth_at") // as if half an hour had passed
	first.press("Account", "Your account")
	after := first.cookies()
	if after["myauth_at"] == "" || after["myauth_rt"] == before["myauth_rt"] {
		t.Error("the session was not renewed")
	}
	second.note("from the second tab")
	first.forget("myauth_at")
	second.note("and once more")
	first.press("Notes", "Your notes")
	first.says("from the second tab", "and once more")

	first.press("Sign out", "Sign in")
	second.fill("New note", "too late")
	second.press("Add the note", "Sign in")
	second.signIn(ada, password, "Your notes")
	second.says("and once more")
	second.never("too late")
}

// TestBackAfterSignOut: what was on the pages is not shown again.
func TestBackAfterSignOut(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.profile()
	b.signUp(ada)
	b.note("nobody else may read this")
	b.press("Account", "Your account")
	b.press("Sign out", "Sign in")
	for range 2 {
		get(b, "back", chromedp.NavigateBack())
		b.at("Sign in")
		b.never("nobody else may read this", ada)
	}
	b.signIn(ada, password, "Your notes")
}

// TestDeadLinks: links that were used, are too old, or are for nobody.
func TestDeadLinks(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.profile()
	b.visit("/sign-up", "Sign up")
	b.fill("Name", "Ada", "Email address", ada, "Password", password)
	b.press("Sign up", "Check your mail")
	link := b.link(b.mail(ada, "Confirm"), 0)
	b.visit(link+"x", "Confirm your email address")
	b.press("Yes, this is my address", "Confirm your email address")
	b.says("This link does not work")
	b.visit(link, "Confirm your email address")
	b.press("Yes, this is my address", "Sign in")
	b.visit(link, "Confirm your email address")
	b.press("Yes, this is my address", "Sign in") // what is as wanted is no error

	b.visit("/forgot-password", "Forgot your password?")
	b.fill("Email address", ada)
	b.press("Send the link", "Check your mail")
	reset := b.link(b.mail(ada, "Reset"), 0)
	s.exec("UPDATE tokens SET expires_at = expires_at - 16 * 60 * 1000000 WHERE token_type = 'password_reset'")
	b.visit(reset, "Choose a new password")
	b.fill("New password", newPassword)
	b.press("Change my password", "Choose a new password")
	b.says("took too long", "Ask for a new link")
	s.exec("UPDATE tokens SET expires_at = expires_at + 16 * 60 * 1000000 WHERE token_type = 'password_reset'")
	b.visit(reset, "Choose a new password")
	b.fill("New password", newPassword)
	b.press("Change my password", "Sign in")
	b.visit(reset, "Choose a new password")
	b.fill("New password", password)
	b.press("Change my password", "Choose a new password")
	b.press("Ask for a new link", "Forgot your password?")
	b.visit("/sign-in", "Sign in")
	b.signIn(ada, newPassword, "Your notes")

	b.press("Sign out", "Sign in")
	// Whoever did not sign up says so.
	b.visit("/sign-up", "Sign up")
	b.fill("Name", "Eve", "Email address", "charles@example.com", "Password", password)
	b.press("Sign up", "Check your mail")
	b.visit(b.link(b.mail("charles@example.com", "Confirm"), 1), "Didn’t sign up?")
	b.press("It was not me: delete the account", "Sign in")
	b.says("The account is deleted")
	if status := s.status("/nothing"); status != 404 {
		t.Errorf("a page that is not there: %d", status)
	}
	b.visit("/nothing", "This did not work")
}

// TestGuesses: after ten wrong passwords strangers wait, and the owner does not.
func TestGuesses(t *testing.T) {
	t.Parallel()
	s := start(t)
	owner := s.profile()
	owner.signUp(ada)
	owner.press("Sign out", "Sign in")
	stranger := s.profile()
	stranger.visit("/sign-in", "Sign in")
	// At least ten, and so many that the wait is longer than a page takes.
	wait := 0
	for i := 0; i < 10 || wait < 5; i++ {
		stranger.signIn(ada, fmt.Sprintf("Wrong-Password-%d", i), "Sign in")
		if _, after, refused := strings.Cut(stranger.text(), "Too many attempts. Wait "); refused {
			_, _ = fmt.Sscanf(after, "%d seconds", &wait)
		}
	}
	stranger.signIn(ada, password, "Sign in") // not even with the right one
	stranger.says("Too many attempts. Wait ")
	owner.signIn(ada, password, "Your notes")
	stranger.signIn(ada, password, "Your notes") // since the owner was there
}

// TestOutage: the pages say that the store is away, and nobody is signed out by it.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.profile()
	b.signUp(ada)
	b.note("kept")
	cookies := b.cookies()
	for _, table := range []string{"users", "tokens", "notes"} {
		s.exec("ALTER TABLE " + table + " RENAME TO away_" + table)
	}
	b.visit("/", "This did not work")
	b.says("We cannot do this right now")
	b.forget("myauth_at") // as if half an hour had passed
	b.visit("/account", "This did not work")
	stranger := s.profile()
	stranger.visit("/sign-in", "Sign in")
	stranger.signIn(ada, password, "Sign in")
	stranger.says("We cannot do this right now")
	if got := b.cookies()["myauth_rt"]; got != cookies["myauth_rt"] {
		t.Error("the outage changed the session's cookie")
	}
	for _, table := range []string{"users", "tokens", "notes"} {
		s.exec("ALTER TABLE away_" + table + " RENAME TO " + table)
	}
	b.press("Go to the start page", "Your notes")
	b.says("kept")
	s.restart()
	b.press("Account", "Your account")
}

// TestMailbox is the page that there is in place of mails while the application is developed.
func TestMailbox(t *testing.T) {
	t.Parallel()
	s := startWithMailbox(t)
	b := s.profile()
	b.visit("/sign-up", "Sign up")
	b.fill("Name", "Ada", "Email address", ada, "Password", password)
	b.press("Sign up", "Check your mail")
	b.press("Open the mailbox", "Mailbox")
	for range 50 { // until the mail is there
		if strings.Contains(b.text(), "To "+ada) {
			break
		}
		b.visit("/mailbox", "Mailbox")
	}
	b.press("Open the link", "Confirm your email address")
	b.press("Yes, this is my address", "Sign in")
	b.signIn(ada, password, "Your notes")
	if status := start(t).status("/mailbox"); status != 404 {
		t.Errorf("with a relay the mailbox has the status %d", status)
	}
}
