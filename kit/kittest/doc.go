// Package kittest has what tests of an application with MyAuth need: a [Clock] that
// stands still, a [Mailer] that keeps the mails, and [Faults], which make any store fail
// in the ways that real ones do.
//
//	clock, mailer, faults := kittest.NewClock(start), &kittest.Mailer{}, &kittest.Faults{}
//	store := memstore.New()
//	svc, err := kit.New(faults.Stores(store.Stores()), keys, &kit.Options{
//		Now: clock.Now, Mailer: mailer, PublicURL: "https://app.example.com",
//		BcryptCost: 4, InsecureFastHash: true, // for tests only
//		MailDelay: time.Millisecond,           // mails come at once
//		InsecureUnlimitedMails: true,          // as many as a test asks for
//	})
//	clock.Advance(30 * time.Minute)             // every access token has expired
//	sent, err := mailer.Next(ctx)               // the mail, with its token
//	faults.Inject("users.ByEmail", kittest.Down, 1)
//
// Without the last two a mail comes some 100 ms after the call, and another of its kind
// to that address a minute later by clock: advance it, or the mail is left out. In a
// bubble of testing/synctest, with time.Now as the clock, both cost no time.
//
// It is for tests: no program in production links it. Package conformance, not this one,
// proves a store.
package kittest
