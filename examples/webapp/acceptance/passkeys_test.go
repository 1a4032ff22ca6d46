package acceptance

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// device adds an authenticator that is part of the computer. It answers when it is told to.
func (b *tab) device() webauthn.AuthenticatorID {
	b.t.Helper()
	cdpCall(b, webauthn.Enable, webauthn.EnableParams{})
	id := cdpCall(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true,
		DefaultBackupEligibility: true, DefaultBackupState: true,
	}}).AuthenticatorID
	get(b, "nobody", b.presence(id, false))
	return id
}

// presence says whether somebody is there who puts a finger on the authenticator.
func (b *tab) presence(id webauthn.AuthenticatorID, yes bool) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(_ context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(b.ctx, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: id, Enabled: yes})
		return err
	})
}

// finger presses a button that asks for a passkey, with the finger on: the browser does not notice
// one that comes later.
func (b *tab) finger(id webauthn.AuthenticatorID, text, heading string) {
	b.t.Helper()
	get(b, text, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Steps(b.presence(id, true), chromedp.Click(named(text)))))
	get(b, "nobody", b.presence(id, false))
	b.see(heading)
}

// TestPasskeys: a passkey is added, signs in by the autofill and by its button, and is a second
// factor.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.profile()
	device := b.device()
	b.signUp(ada)
	b.press("Account", "Your account")
	b.press("Manage passkeys", "Passkeys")
	b.says("You have none yet")
	b.press("Add a passkey", "Add a passkey")
	b.fill("Name", "Laptop")
	b.finger(device, "Add a passkey", "Passkeys")
	b.says("The passkey is added", "Laptop")
	b.mail(ada, "passkey")

	b.press("Rename Laptop", "Rename a passkey")
	b.fill("Name", "")
	b.press("Save", "Rename a passkey")
	b.fill("Name", "Old laptop")
	b.press("Save", "Passkeys")
	b.says("Old laptop")

	// By autofill: the person chooses what the email field offers, and does no more. Then by the
	// button, in a browser without autofill.
	get(b, "somebody", b.presence(device, true))
	get(b, "Sign out", chromedp.Click(named("Sign out")))
	get(b, "the autofill", chromedp.WaitVisible(`//h1[.="Your notes"]`))
	get(b, "nobody", b.presence(device, false))
	b.see("Your notes")
	cdpCall(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "PublicKeyCredential.isConditionalMediationAvailable = async () => false"})
	b.press("Sign out", "Sign in")
	b.finger(device, "Sign in with a passkey", "Your notes")
	b.visit("/confirm-it-is-you?next=/account/two-factor/app", "Confirm that it is you")
	b.finger(device, "Use a passkey", "Set up an authenticator app")

	// As a second factor.
	b.fill("Code", codeOf(t, eval[string](b, `document.querySelector("li code").textContent`), 0))
	b.press("Turn two-step verification on", "Your recovery codes")
	b.press("Sign out", "Sign in")
	b.signIn(ada, password, "Two-step verification")
	if eval[int](b, `document.querySelectorAll("[data-passkey]").length`) == 0 {
		b.press("Use a passkey", "Two-step verification")
	}
	b.finger(device, "Use a passkey", "Your notes")

	b.visit("/account/passkeys", "Passkeys")
	b.press("Remove Old laptop", "Remove a passkey")
	b.press("Remove the passkey", "Passkeys")
	b.says("The passkey is removed", "You have none yet")
	b.press("Sign out", "Sign in")
	b.finger(device, "Sign in with a passkey", "Sign in")
	b.never("Your notes")
}
