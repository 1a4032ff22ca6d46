// Package kit is the core of MyAuth, an authentication kit. A [Service] registers users,
// checks passwords, issues access and refresh tokens, verifies addresses and resets
// passwords, over two small stores and a mailer that the application chooses.
//
//	store, err := sqlite.Open(ctx, "auth.db", nil) // or another driver, or memstore.New()
//	keys, err := accesstoken.HMAC(secret)          // at least 32 bytes
//	mailer, err := mailx.New(relay, nil)           // or any kit.Mailer, or none
//	svc, err := kit.New(store.Stores(), keys, &kit.Options{
//		Mailer:    mailer,
//		PublicURL: "https://app.example.com", // where links in mails lead
//	})
//	defer svc.Close(ctx) // finishes the queued mails
//	auth, err := httpx.New(svc, nil)
//	mux.Handle("/auth/", auth)
//	mux.Handle("GET /orders", auth.RequireUser(orders))
//
// Without HTTP the methods of [Service] are the same use cases; each lists its errors. The
// examples of this package show a mailer, stores, hooks, a limiter, the audit stream, lists of
// users, a login of the application's own, an import and the rotation of a key.
//
// # Sessions
//
// An access token is a JWT that is valid for 30 minutes (package accesstoken). A refresh
// token is opaque and belongs to a session, which is one row of the [TokenStore] however
// often it is refreshed. A refresh replaces the token by a successor that is derived from
// it. So the replaced token can be answered again with the same successor when a response
// was lost, and a dump of the store holds nothing that can be presented. That lasts for a
// grace period, in which the session is not rotated again. An older token that comes back
// ends the session (RFC 9700 section 4.14.2).
//
// # Ending everything at once
//
// The compare-and-swap that changes a password or deactivates an account also increments
// [User].SessionEpoch. Every token carries the epoch that it was made under, and is invalid
// under another. So "change the password and end every session" is one atomic write,
// whatever database holds the tokens. [User].CredentialEpoch does the same for second factors and
// all else that only the owner can make anew.
//
// # Features and second factors
//
// A [Feature] is a value in [Options].Features that adds a second factor, routes, mails, or a
// condition of each login. It gets a [Core], which has all that a feature may do, and returns an
// [Extension].
//
// Every login ends at [Service.Grant], which starts the session. If the account has a second
// factor, Grant returns a [MFARequired] with a token instead. [Service.LoginWithFactor] takes
// that token and the answer to the factor, and goes the same way again. A [Factor] only asks and
// compares: the Service keeps its sealed record, counts tries, and uses up each answer once. If
// the record or the feature is gone, the login is refused. Recovery codes, which come with the
// first factor, stand for it once each; [RememberDevice] spares a device the factor for a while;
// [Service.ResetFactors] is for an administrator.
//
// # Lost answers
//
// A write whose answer was lost may have happened. Each operation then reads the record
// again. If it finds its own write there, it continues; otherwise it returns
// [ErrUnavailable], and repeating the call is safe.
//
// # Mails
//
// A mail is made and sent some 100 ms after the call that asks for it, so the time of an
// answer does not tell whether an account exists. [Service.Stats] counts the mails that the
// throttle left out. Attempts that fail are repeated, with growing pauses.
//
// # What the application does
//
// Only the mail queue of [Options].Mailer runs in the background, and [Service.Close] ends
// it. So the application runs [Service.PurgeEvery] and serves over TLS. [WithClient] tells the
// Service which client calls, and [WithDevice] that the client has logged in before; package
// httpx does both. Clients take turns to hash and to mail, and all calls without an address
// count as one client.
//
// # Where to go next
//
//   - myauth.internal/httpx has the routes and the middleware.
//   - myauth.internal/mailx has a mailer for SMTP.
//   - myauth.internal/drivers has the stores, myauth.internal/kit/memstore one for tests,
//     and myauth.internal/conformance tests a store of your own.
//   - myauth.internal/kit/accesstoken is all that a server needs which only checks tokens.
//   - myauth.internal/kit/password has the rules and hashes of passwords.
//   - myauth.internal/kit/throttle limits guesses and mails.
//   - myauth.internal/kit/seal has the data keys of [Options].DataKeys.
//   - myauth.internal/kit/totp is the second factor of authenticator apps, and
//     myauth.internal/kit/passkey, a module of its own, has passkeys.
//   - myauth.internal/kit/kittest has, for the tests of an application, a Service with a user
//     who is logged in, a clock, a mailer and faults.
//   - myauth.internal/examples/feature has two features.
//
// In this package, each use case is a file with the name of its method: login.go,
// loginwithfactor.go, enrollfactor.go, refresh.go, resetpassword.go. A login reads in the order
// login.go, grant.go, loginwithfactor.go. The contracts of the application are in store.go,
// user.go, token.go, mailer.go, hooks.go, events.go and errors.go, those of features
// in feature.go, factor.go, route.go and core.go. changeuser.go and record.go have the
// compare-and-swap loops, and the packages under internal the machinery.
package kit
