package acceptance

import (
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestWithoutScript: everything but passkeys works in a browser without JavaScript.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.profile()
	b.scriptless = true
	cdpCall(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.signUp(ada)
	b.note("by hand")
	b.press("Account", "Your account")
	b.fill("Name", "Countess")
	b.press("Save", "Your account")
	b.press("Manage passkeys", "Passkeys")
	b.press("Add a passkey", "Add a passkey")
	b.says("A passkey needs JavaScript")
	if eval[bool](b, `document.querySelector("form[data-passkey]").checkVisibility()`) {
		t.Error("there is a form that does nothing")
	}
	b.press("Cancel", "Passkeys")
	b.visit("/account/password", "Change your password")
	b.fill("Current password", password, "New password", newPassword)
	b.press("Change my password", "Your account")

	b.press("Manage two-step verification", "Two-step verification")
	b.press("Set it up", "Set up an authenticator app")
	uri, err := url.Parse(b.qrCode())
	if err != nil {
		t.Fatal(err)
	}
	b.fill("Code", codeOf(t, uri.Query().Get("secret"), 0))
	b.press("Turn two-step verification on", "Your recovery codes")
	codes := eval[[]string](b, `[...document.querySelectorAll(".codes code")].map(e => e.textContent)`)
	b.press("Sign out", "Sign in")
	if eval[bool](b, `document.querySelector("form[data-passkey]").checkVisibility()`) {
		t.Error("there is a button that does nothing")
	}
	b.signIn(ada, newPassword, "Two-step verification")
	b.fill("Code", codeOf(t, uri.Query().Get("secret"), 1))
	get(b, "remember", chromedp.Click(labelled("Don’t ask on this device for 90 days")))
	b.press("Continue", "Your notes")

	other := s.profile()
	other.visit("/forgot-password", "Forgot your password?")
	other.fill("Email address", ada)
	other.press("Send the link", "Check your mail")
	b.visit(b.link(b.mail(ada, "Reset"), 0), "Choose a new password")
	b.fill("New password", password)
	b.press("Change my password", "Sign in")
	b.signIn(ada, password, "Two-step verification") // the reset forgot that it need not ask
	b.press("Use a recovery code", "Two-step verification")
	b.fill("Recovery code", codes[0])
	b.press("Continue", "Your notes")
	b.says("by hand")
	b.visit("/account/devices", "Your devices")
	b.visit("/account/email", "Change your email address")
	b.fill("New email address", "countess@example.com")
	b.press("Send the link", "Your account")
	b.visit(b.link(b.mail("countess@example.com", "onfirm"), 0), "Confirm your new email address")
	b.press("Yes, this is my new address", "Sign in")
	b.signIn("countess@example.com", password, "Two-step verification")
	b.press("Use a recovery code", "Two-step verification")
	b.fill("Recovery code", codes[1])
	b.press("Continue", "Your notes")
	b.visit("/account/delete", "Delete your account")
	b.fill("Type your email address to confirm", "countess@example.com")
	b.press("Delete my account", "Sign in")
}
