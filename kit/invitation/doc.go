// Package invitation lets administrators invite people, who make their own accounts: with
// kit.RegistrationInvited the only way to one. Three lines add it:
//
//	opts := &kit.Options{Registration: kit.RegistrationInvited, Mailer: mailer, PublicURL: "https://app.example.com"}
//	opts.Features = append(opts.Features, invitation.New(nil))
//	svc, err := kit.New(stores, keys, opts)
//
// An invitation is for one mailbox. Its token is in the mail and nowhere else, has 256 random bits,
// of which the store keeps a hash, and makes one account, whose address counts as verified, because
// only a reader of the mailbox has the token. The account has the roles of the invitation, which
// are such that the inviter may grant (kit.Hooks.MayGrant). The invited choose a name and a password,
// and no other address.
//
// An invitation ends when it is accepted, revoked, replaced by another one to the same mailbox, or
// too old. It ends, too, with all that ends the sessions of its inviter: the account is disabled, its
// password reset or changed, its other sessions ended, a second factor enrolled. Whoever had got
// into that account could have invited themselves. And it is void while its inviter does not have
// the role, or may not grant those of the invitation: what an administrator has handed out is worth
// no more than the administrator.
//
// The link leads to the page /accept-invitation, which package httpx serves with its other pages.
package invitation
