// Package kit is the core of MyAuth: authentication that a team owns. A [Service]
// registers users, checks passwords, hands out access and refresh tokens, verifies
// addresses and resets passwords, over two small stores and a mailer that the
// application chooses.
//
//	store, err := sqlite.Open(ctx, "auth.db", nil) // or another driver, or memstore.New()
//	keys, err := accesstoken.HMAC(secret)          // at least 32 bytes
//	mailer, err := mailx.New(relay, nil)           // or any kit.Mailer, or none
//	svc, err := kit.New(store.Users(), store.Tokens(), keys, &kit.Options{
//		Mailer:    mailer,
//		PublicURL: "https://app.example.com", // where links in mails lead
//	})
//	defer svc.Close(ctx)                      // finishes the queued mails
//	auth, err := httpx.New(svc, nil)
//	mux.Handle("/auth/", auth) // the routes
//	mux.Handle("GET /orders", auth.RequireUser(orders))
//
// Without HTTP the methods of [Service] are the same use cases; each lists its
// errors. The examples of this package show a mailer, stores, hooks, a limiter, the
// audit stream, an import and the rotation of a key.
//
// # Sessions
//
// An access token is a JWT for 30 minutes (package accesstoken). A refresh token is
// opaque and belongs to a session, which is one row of the [TokenStore] however
// often it is refreshed. A refresh replaces the token by a successor that is derived
// from it, so the replaced token can be answered the same again when a response was
// lost, and a dump of the store holds nothing that can be presented. That lasts for a
// grace, within which the session is not rotated again. An older token that comes back
// ends the session (RFC 9700 section 4.14.2).
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
// # Mails
//
// A mail is made and sent some 100 ms after the call that asks for it, so that the time
// of an answer does not tell whether an account exists. A mailbox gets one mail of a
// kind a minute, and after five in an hour one every ten minutes; [Service.Stats] counts
// what was left out. A failed attempt is repeated, with growing pauses.
//
// # What the application does itself
//
// Nothing runs in the background but the mail queue of [Options].Mailer, and
// [Service.Close] ends that. So the application calls [Service.PurgeExpired] now and
// then, plugs in a [Limiter], and puts TLS in front. [WithClientIP] tells the Service
// whose call it is; package httpx does that. Clients take turns to hash and to mail, so
// calls without an address are one client.
//
// # Where to go next
//
//   - myauth.internal/httpx has the routes and the middleware.
//   - myauth.internal/mailx has a mailer for SMTP.
//   - myauth.internal/drivers has the stores, myauth.internal/kit/memstore one for
//     tests, and myauth.internal/conformance proves one of your own.
//   - myauth.internal/kit/accesstoken is all that a server needs which only checks
//     tokens, myauth.internal/kit/password the rules and hashes of passwords.
//   - myauth.internal/kit/kittest has a clock, a mailer and faults for the tests of an
//     application.
package kit
