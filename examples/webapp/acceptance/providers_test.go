package acceptance

import (
	"testing"

	"github.com/chromedp/chromedp"

	"myauth.internal/kit/provider/acceptance/openid"
)

// atProvider presses what leads to the provider, where somebody signs in and comes back to the page
// with that heading.
func (b *tab) atProvider(text, person, heading string) {
	b.t.Helper()
	get(b, text, chromedp.Click(named(text)))
	get(b, person, chromedp.Click(chromedp.CSS("#"+person)))
	get(b, "coming back", chromedp.WaitVisible(chromedp.CSS("main h1")))
	b.see(heading)
}

// TestProviders: an account is made at a provider's word and a mail, and another one is linked and
// unlinked.
func TestProviders(t *testing.T) {
	t.Parallel()
	acme := openid.New(t, "")
	s := start(t, "MYAUTH_PROVIDERS=acme", "MYAUTH_PROVIDER_ACME_ISSUER="+acme.Issuer, "MYAUTH_PROVIDER_ACME_CLIENT_ID=app",
		"MYAUTH_PROVIDER_ACME_CLIENT_SECRET=secret", "MYAUTH_PROVIDER_ACME_ALLOW_PRIVATE=1")
	acme.Register(openid.Client{ID: "app", RedirectURI: s.url + "/auth/providers/acme/callback"})
	acme.Know("grace", openid.Person{Subject: "1906", Email: "grace@example.com", Name: "Grace", Verified: true})
	acme.Know("ada", openid.Person{Subject: "1815", Email: ada, Name: "Ada", Verified: true})

	b := s.profile(acme.Issuer)
	b.visit("/account", "Sign in")
	b.atProvider("Continue with Acme", "nobody", "Sign in")
	b.says("You were not signed in")
	b.atProvider("Continue with Acme", "grace", "Sign in")
	b.says("You are almost there")
	b.visit(b.link(b.mail("grace@example.com", ""), 0), "Finish signing in")
	b.press("Yes, that was me", "Your notes")
	b.says("Hello, Grace.")
	b.press("Account", "Your account")
	b.press("Manage linked accounts", "Linked accounts")
	b.says("Acme", "grace@example.com")
	b.press("Unlink Acme grace@example.com", "Unlink an account")
	b.press("Unlink the account", "Unlink an account")
	b.says("Without this nothing could sign you in")
	b.visit("/account", "Your account")
	b.press("Sign out", "Sign in")
	b.atProvider("Continue with Acme", "grace", "Your notes")
	b.press("Sign out", "Sign in")

	b.signUp(ada)
	b.visit("/account/linked", "Linked accounts")
	b.press("Link an account of Acme", "Link an account")
	b.atProvider("Continue", "ada", "Linked accounts")
	b.says("The account is linked")
	b.press("Sign out", "Sign in")
	b.visit("/account/linked", "Sign in")
	b.atProvider("Continue with Acme", "ada", "Linked accounts")
	b.press("Unlink Acme "+ada, "Unlink an account")
	b.press("Unlink the account", "Linked accounts")
	b.says("None is linked yet")
	b.press("Sign out", "Sign in")
	b.atProvider("Continue with Acme", "ada", "Sign in")
	b.says("You are almost there") // whether or not there is an account with that address
}
