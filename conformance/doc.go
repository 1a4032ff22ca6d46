// Package conformance proves that a store keeps the contracts of
// [kit.UserStore] and [kit.TokenStore].
//
// Whoever keeps users or tokens in a database of their own implements those two
// interfaces and calls [Run] in a test, or [RunUsers] or [RunTokens] for one of
// them, and [RunTogether] for a pair from two databases:
//
//	func TestStore(t *testing.T) {
//		conformance.Run(t, conformance.Config{New: func(t testing.TB) conformance.Open {
//			path := filepath.Join(t.TempDir(), "auth.db") // empty, for one case
//			return func(t testing.TB) conformance.Stores { // one more handle to it
//				s, err := mystore.Open(path)
//				if err != nil {
//					t.Fatal(err)
//				}
//				return conformance.Stores{Users: s.Users(), Tokens: s.Tokens(), Close: s.Close}
//			}
//		}, Without: []conformance.Ability{conformance.Stalling, conformance.Networking}})
//	}
//
// Each sentence of the contracts has a case, a subtest that is named after the rule
// and quotes it when the store breaks it:
//
//	--- FAIL: TestStore/users/create/unique-email-ascii-case
//	    users/create/unique-email-ascii-case: Create of "ANN@EXAMPLE.COM" while "ann@example.com" exists: got no error, want kit.ErrUserExists
//	        the contract: "when there is a user with the same [EmailKey]"
//
// One case alone is run by its name: -run 'TestStore/users/create/unique-id$'.
//
// # What is tried
//
// Every case has an empty data set of its own with two handles, so what works
// only within one process, or one cache, does not pass. The cases try each method
// on what is there and what is not; every kind of value at its edges; memory that
// is shared with the caller; contexts that end before a call, at a fixed point
// within it, and while the data hangs; closed stores; data that is opened again;
// sixteen callers at once for whatever only one may win; and random histories of
// one record, which have to be linearizable. For a store with a server, a [Network]
// between the two breaks, hangs, and loses each exchange in turn. At the end two instances of a
// [kit.Service] run the life of accounts and sessions over the stores.
//
// # What is not
//
// The suite sees a store from outside and in one process. It cannot prove that a
// write survives a power cut or a failover, that two processes agree, or how fast
// anything is; a driver's own tests do that with its own database.
//
// # Why it can be trusted
//
// The suite is tried against more than 430 stores of which each is broken in one
// way, and against correct ones of many varieties. Each flaw is caught by the case that
// names its rule, and no correct store fails.
//
// # Where to go next
//
// Package servers starts real databases for such a test, and package storebench
// measures what a store costs beside its bare statements. The folder
// examples/customstore is a whole store of one's own with its test.
package conformance
