// Package kit is the core of MyAuth: authentication that a team owns. A [Service]
// registers users, checks passwords, hands out access and refresh tokens, verifies
// addresses and resets passwords, over two small stores and a mailer that the
// application chooses.
//
//	store, err := sqlite.Open("auth.db", nil)
//	keys, err := accesstoken.HMAC(secret)
//	svc, err := kit.New(store.Users(), store.Tokens(), keys, nil)
//	mux.Handle("/auth/", httpx.New(svc, nil))
//
// # Sessions
//
// An access token is a JWT for 30 minutes (package accesstoken). A refresh token is
// opaque and belongs to a session, which is one row of the [TokenStore] however
// often it is refreshed. Each refresh replaces the token by a successor that is
// derived from it, so its direct parent can be answered the same once more when a
// response was lost, and a dump of the store holds nothing that can be presented. An
// older token that comes back ends the session (RFC 9700 section 4.14.2).
//
// # Ending everything at once
//
// [User].SessionEpoch counts up in the same compare-and-swap that changes a password
// or deactivates an account. Every token carries the epoch it was made under and is
// dead under another. So "change the password and end every session" is one atomic
// write, whatever database holds the tokens.
//
// # What is safe to lose
//
// A write whose answer was lost may have happened. Each operation reads the record
// again and goes on as if its own write had been answered when it finds it there;
// otherwise it returns [ErrUnavailable], and trying again is safe.
//
// Rules for passwords are in package password. Stores are proved by package
// conformance, and package kittest has the parts that an application's tests need.
package kit
