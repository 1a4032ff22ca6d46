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
// too old. It is void, too, while its inviter is no active administrator or may not grant its roles:
// what an administrator has handed out is worth no more than the administrator.
//
// The link leads to the page /accept-invitation, which package httpx serves with its other pages.
package invitation
