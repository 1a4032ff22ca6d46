package acceptance

import (
	"testing"
)

const (
	ada         = "ada@example.com"
	password    = "Analytical-Engine-1843"
	newPassword = "Difference/Engine/1822"
)

// signUp makes an account with a confirmed address, and signs in to it.
func (b *tab) signUp(email string) {
	b.t.Helper()
	b.visit("/sign-up", "Sign up")
	b.fill("Name", "Ada", "Email address", email, "Password", password)
	b.press("Sign up", "Check your mail")
	b.visit(b.link(b.mail(email, "Confirm"), 0), "Confirm your email address")
	b.press("Yes, this is my address", "Sign in")
	b.signIn(email, password, "Your notes")
}

// signIn signs in on the page that is open.
func (b *tab) signIn(email, password, heading string) {
	b.t.Helper()
	b.fill("Email address", email, "Password", password)
	b.press("Sign in", heading)
}

func (b *tab) note(text string) {
	b.t.Helper()
	b.fill("New note", text)
	b.press("Add the note", "Your notes")
	b.says(text)
}

// TestLife is the life of an account, from the first page to its end.
func TestLife(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.profile()
	b.visit("/", "Sign in")
	b.shoot("sign-in")
	b.press("Sign up", "Sign up")
	b.fill("Name", "Ada", "Email address", "ada", "Password", "short")
	b.press("Sign up", "Sign up")
	b.says("This is not an email address", "Use at least 8 characters")
	b.never("short\"")
	b.fill("Email address", ada, "Password", password)
	b.press("Sign up", "Check your mail")
	b.says(ada)
	b.press("Sign in", "Sign in")
	b.signIn(ada, password, "Check your mail")
	link := b.link(b.mail(ada, "Confirm"), 0)
	b.visit(link, "Confirm your email address")
	b.visit("/sign-in", "Sign in")
	b.signIn(ada, password, "Check your mail") // a scanner that opens the link confirms nothing
	b.visit(link, "Confirm your email address")
	b.never(link[len(link)-20:])
	b.press("Yes, this is my address", "Sign in")
	b.says("Your email address is confirmed")
	b.signIn(ada, newPassword, "Sign in")
	b.says("The email address or the password is wrong")
	b.signIn(ada, password, "Your notes")
	b.says("Hello, Ada.", "There are no notes yet")

	b.fill("New note", " ")
	b.press("Add the note", "Your notes")
	b.says("Please fill this in")
	b.note("<b>Bernoulli</b> numbers")
	b.note("Cards for the loom")
	b.note("Ask Charles about the mill")
	b.visit("/", "Your notes")
	b.shoot("notes")
	b.press("Delete this note", "Your notes")

	b.press("Account", "Your account")
	b.fill("Name", "")
	b.press("Save", "Your account")
	b.fill("Name", "Countess")
	b.press("Save", "Your account")
	b.says("Saved.")
	b.visit("/account", "Your account")
	b.shoot("account")
	b.press("Change the password", "Change your password")
	b.fill("Current password", newPassword, "New password", newPassword)
	b.press("Change my password", "Change your password")
	b.says("This is not right")
	b.fill("Current password", password, "New password", newPassword)
	b.press("Change my password", "Your account")
	b.says("Your password is changed")
	b.mail(ada, "assword")

	// Another device, which is signed out from here.
	other := s.profile()
	other.visit("/sign-in", "Sign in")
	other.signIn(ada, newPassword, "Your notes")
	b.press("Manage devices", "Your devices")
	b.says("this device")
	b.shoot("devices")
	b.press("Sign out everywhere else", "Your devices")
	b.says("All other devices are signed out")
	other.press("Account", "Sign in")
	other.signIn(ada, newPassword, "Your account") // where it wanted to go

	b.visit("/account/devices", "Your devices")
	b.visit("/account/email", "Change your email address")
	b.fill("New email address", "countess@example.com")
	b.press("Send the link", "Your account")
	b.says("We have sent a link", ada)
	b.visit(b.link(b.mail("countess@example.com", "onfirm"), 0), "Confirm your new email address")
	b.press("Yes, this is my new address", "Sign in")
	b.says("Your email address is changed")
	other.visit("/", "Sign in") // all are signed out
	b.signIn("countess@example.com", newPassword, "Your notes")
	b.says("Hello, Countess.", "<b>Bernoulli</b> numbers")

	// What could take the account away asks for the password again after a while.
	b.visit("/confirm-it-is-you?next=/account/delete", "Confirm that it is you")
	b.fill("Password", password)
	b.press("Continue", "Confirm that it is you")
	b.fill("Password", newPassword)
	b.press("Continue", "Delete your account")
	b.press("Cancel", "Your account")
	b.press("Sign out", "Sign in")
	b.says("You are signed out.")

	b.press("Forgot your password?", "Forgot your password?")
	b.fill("Email address", "countess@example.com")
	b.press("Send the link", "Check your mail")
	b.visit(b.link(b.mail("countess@example.com", "Reset"), 0), "Choose a new password")
	b.fill("New password", "short")
	b.press("Change my password", "Choose a new password")
	b.fill("New password", password)
	b.press("Change my password", "Sign in")
	b.says("Your password is changed")
	b.signIn("countess@example.com", password, "Your notes")

	b.press("Account", "Your account")
	b.press("Delete the account", "Delete your account")
	b.fill("Type your email address to confirm", ada)
	b.press("Delete my account", "Delete your account")
	b.fill("Type your email address to confirm", "countess@example.com")
	b.press("Delete my account", "Sign in")
	b.says("Your account and everything in it is deleted")
	b.signIn("countess@example.com", password, "Sign in")
	b.says("The email address or the password is wrong")
	var rows int
	if err := s.db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM notes)").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d accounts and notes are left, %v", rows, err)
	}
	if left := b.cookies(); left["myauth_at"]+left["myauth_rt"] != "" {
		t.Errorf("cookies are left: %v", left)
	}
}
