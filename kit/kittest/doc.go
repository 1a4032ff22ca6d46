// Package kittest has what tests of an application with MyAuth need: a [Clock] that
// stands still, a [Mailer] that keeps what it is given, and [Faults], which make
// any store fail in the ways that real ones do.
//
//	clock, mailer, faults := kittest.NewClock(start), kittest.NewMailer(), &kittest.Faults{}
//	store := memstore.New()
//	svc, err := kit.New(faults.Users(store.Users()), faults.Tokens(store.Tokens()), keys, &kit.Options{
//		Now: clock.Now, Mailer: mailer, PublicURL: "https://app.example.com",
//		BcryptCost: 4, InsecureFastHash: true, // for tests only
//	})
//	clock.Advance(30 * time.Minute)             // every access token has expired
//	sent, err := mailer.Next(ctx)               // the mail, with its token
//	faults.Inject("users.ByEmail", kittest.Down, 1)
//
// It is for tests: a program in production links none of it. A store of one's own is
// proved by package conformance, and not by this one.
package kittest
