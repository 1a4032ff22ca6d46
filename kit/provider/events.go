package provider

import (
	"time"

	"myauth.internal/kit"
)

// The kinds of mails and events. But for MailConfirm the mails are notices to the owner without a
// link and a token. Data["provider"] is the Label of the provider.
const (
	// MailConfirm goes to an address that nobody has proved, with the link that finishes a
	// sign-up. Data["name"] is what its user calls himself at the provider, letters only, or
	// empty: a stranger may have chosen it.
	MailConfirm kit.MailKind = "provider_confirm"
	// MailLinked and MailUnlinked tell of an account elsewhere that logs in from now on, or no
	// longer.
	MailLinked   kit.MailKind = "identity_linked"
	MailUnlinked kit.MailKind = "identity_unlinked"
	// MailClaimed tells of an account that somebody else may have made with the address. What
	// belonged to it is gone: the password, the sessions and all that logged in.
	MailClaimed kit.MailKind = "account_claimed"

	EventLinked   kit.EventKind = "identity_linked"
	EventUnlinked kit.EventKind = "identity_unlinked"
	EventClaimed  kit.EventKind = "account_claimed"
)

// confirmPage is where the link of MailConfirm leads, below Options.PublicURL.
const confirmPage = "/confirm-sign-in"

var mails = []kit.MailRule{
	{
		Kind: MailConfirm, TTL: time.Hour, Subject: "Confirm your sign-in to {{.ProductName}}",
		Text: "Somebody{{with .Data.name}}, who goes by {{.}} there,{{end}} wants to sign in to {{.ProductName}} with {{.Data.provider}}, and says that this is their email address.\n\nIf that is you, and you have just begun this, follow this link in the same browser:\n\n{{.Link}}\n\nThe link works once and expires in {{.ValidFor}}. Don't share it with anyone.\n\nIf it wasn't you, don't follow the link, and nothing will change. Whoever did this could use the account together with you.\n",
	},
	{
		Kind: MailLinked, Notice: true, Subject: "{{.Data.provider}} now signs in to your account",
		Text: "An account at {{.Data.provider}} was linked to your account. It signs in without your password.\n\nIf this was not you, unlink it and reset your password at once, and tell us.\n",
	},
	{
		Kind: MailUnlinked, Notice: true, Subject: "{{.Data.provider}} no longer signs in to your account",
		Text: "Somebody who was signed in to your account unlinked an account at {{.Data.provider}}.\n\nIf this was not you, reset your password at once, and tell us.\n",
	},
	{
		Kind: MailClaimed, Notice: true, Subject: "Your account starts anew",
		Text: "There was an account with your email address that nobody had confirmed, so somebody else may have made it. You have signed in with {{.Data.provider}}, and the account is yours now. Its password and everything else that was set up in it are gone.\n\nIf you made that account yourself, nothing is wrong: you can set a new password by a reset.\n",
	},
}
