// Package admin lets administrators manage accounts over HTTP: a [kit.Feature] with routes below
// /admin. They are for active users with the role [kit.AdminRole], after a recent login, with a
// second factor if the account has one: see [kit.AdminOnly]. The role that the store has now
// counts, not the one in the access token.
//
//	svc, err := kit.New(stores, keys, &kit.Options{
//		Features: []kit.Feature{admin.New(&admin.Options{FirstAdmin: "ada@example.com"})},
//	})
//
// [Pages] has pages for them, in front of the routes.
//
// What one act changes is one write, and each change of an account is one event with the
// administrator as Actor and the account as UserID. An act that is refused, or that finds its work
// done, makes no event; to end the sessions of an account is never done before, because each
// time it ends what was handed out until then.
//
// Whoever has the role may do everything that the routes do, but give and take roles:
// kit.Hooks.MayGrant says which. The last administrator stays one. No route shows a password, a
// hash or a token, or sets a password: an owner does, by the link that a mail brings.
package admin
