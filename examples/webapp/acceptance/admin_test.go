package acceptance

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const bob = "bob@example.com"

// TestAdministration is a day of the first administrator.
func TestAdministration(t *testing.T) {
	t.Parallel()
	s := start(t, "MYAUTH_ADMIN_EMAIL="+ada)
	b := s.profile()
	b.visit("/admin/", "Sign in")
	b.signUp(ada)
	other := s.profile()
	other.signUp(bob)
	other.never("Administration")
	other.visit("/admin/", "This didn’t work")
	other.says("not as an administrator")
	other.visit("/", "Your notes")

	b.visit("/", "Your notes")
	b.press("Administration", "Accounts")
	b.says(ada, bob)
	b.shoot("administration")
	b.fill("Email address begins with", "BOB")
	b.press("Search", "Accounts")
	b.says(bob)
	b.never(ada)
	b.press(bob, "Account")
	b.shoot("administration-account")
	b.fill("Name", "Robert", "Another role", "<b>reader</b>")
	b.press("Save", "Account")
	b.says("Saved.", "Robert", "<b>reader</b>")
	b.fill("Name", "")
	b.press("Save", "Account")
	b.says("Name: must have at least 1 character")
	get(b, "the box", chromedp.Click(labelled("<b>reader</b>")))
	b.fill("Name", "Robert")
	b.press("Save", "Account")
	b.never("&lt;b&gt;reader")
	b.press("Mark the address as not confirmed", "Account")
	b.press("Mark the address as confirmed", "Account")

	b.press("Sign out everywhere", "Account")
	b.says("signed out everywhere")
	other.visit("/", "Sign in")
	other.signIn(bob, password, "Your notes")
	b.visit("/admin/?email=bob", "Accounts")
	b.press(bob, "Account")
	b.says("HeadlessChrome")
	b.press("Disable the account …", "Disable the account")
	b.says(bob)
	b.shoot("administration-disable")
	b.press("Disable the account", "Account")
	other.visit("/", "This did not work")
	other.visit("/sign-in", "Sign in")
	other.signIn(bob, password, "Sign in")
	other.says("This account is disabled.")
	b.press("Enable the account", "Account")
	other.signIn(bob, password, "Your notes")

	b.press("Mail a password reset", "Account")
	other.visit(other.link(other.mail(bob, "Reset"), 0), "Choose a new password")
	b.press("Delete the account …", "Delete the account")
	b.press("Delete the account", "Accounts")
	b.says("The account is deleted.")
	b.never(bob)

	b.press(ada, "Account")
	get(b, "the box", chromedp.Click(labelled("admin")))
	b.press("Save", "Account")
	b.says("This is the only active administrator.")
	b.visit("/admin/confirm?next=/?email=ada", "Confirm it’s you")
	b.fill("Password", newPassword)
	b.press("Continue", "Confirm it’s you")
	b.says("This is not your password.")
	b.fill("Password", password)
	b.press("Continue", "Accounts")
	b.visit("/admin/nothing", "Not found")
	b.press("Go to the accounts", "Accounts")
	b.press("Sign out", "Sign in")
}

// TestAdministrationByKeyboard disables an account without a mouse.
func TestAdministrationByKeyboard(t *testing.T) {
	t.Parallel()
	s := start(t, "MYAUTH_ADMIN_EMAIL="+ada)
	b := s.profile()
	b.signUp(ada)
	other := s.profile()
	other.signUp(bob)
	b.visit("/admin/", "Accounts")
	b.keys(kb.Tab)
	if got := b.focused(); got != "Skip to the content" {
		t.Errorf("the first key leads to %q", got)
	}
	b.keys(kb.Enter)
	b.tabTo("Email address begins with")
	b.keys("bob")
	b.enter("Accounts")
	b.tabTo(bob)
	b.enter("Account")
	b.tabTo("Name")
	b.keys(kb.End + "by")
	b.tabTo("Save")
	b.enter("Account")
	b.says("Adaby")
	b.tabTo("Disable the account …")
	b.enter("Disable the account")
	b.tabTo("Disable the account")
	b.enter("Account")
	b.says("disabled")
	other.visit("/", "This did not work")
}
