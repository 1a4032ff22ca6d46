// Package kittest has what tests of an application with MyAuth need. [New] returns a whole
// Service in memory, and [Kit.LogIn] a user who is logged in:
//
//	func TestOrders(t *testing.T) {
//		k := kittest.New(t)
//		ada, tokens := k.LogIn("ada@example.com", "staff")
//		request.Header.Set("Authorization", "Bearer "+string(tokens.AccessToken))
//		…
//		k.Clock.Advance(30 * time.Minute)                 // every access token has expired
//		mail := k.NextMail(kit.MailPasswordReset)         // the mail, with its token
//		k.Faults.Inject("users.ByEmail", kittest.Down, 1) // the database is away, once
//	}
//
// Its parts also serve alone: a [Clock] that stands still, a [Mailer] that keeps the mails, and
// [Faults], which make any store fail in the ways that real ones do. A Service that is made
// without New sends a mail some 100 ms after the call, and another of its kind to that address
// a minute later by the clock: advance it, or the mail is left out. In a bubble of
// testing/synctest, with time.Now as the clock, both cost no time. Make the Service in the bubble:
// all its calls of a store have one timer.
//
// It is for tests: no program in production links it. Package conformance, not this one,
// proves a store.
package kittest
