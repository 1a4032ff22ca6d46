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
// administrator as Actor and the account as UserID. An act that is refused, or whose work is done
// already, makes no event. Ending the sessions of an account is an event each time, because each
// time it ends what was handed out until then.
//
// Every administrator may do all that the routes do. Only which roles one may give and take can
// be limited, by kit.Hooks.MayGrant. The last active administrator cannot be removed. No route
// shows a password, a hash or a token, and none sets a password: the owner does, by the link in a mail.
package admin
