// Package conformance tests that a store keeps the contracts of [kit.UserStore],
// [kit.UserLister] and [kit.TokenStore], and that a [kit.Feature] is whole over any store. It is
// for authors of stores, who call [Run] in a test:
//
//	func TestStore(t *testing.T) {
//		conformance.Run(t, conformance.Config{New: func(t testing.TB) conformance.Open {
//			path := filepath.Join(t.TempDir(), "auth.db") // empty, for one case
//			return func(t testing.TB) conformance.Stores { // opens one more handle to it
//				s, err := mystore.Open(path)
//				if err != nil {
//					t.Fatal(err)
//				}
//				return conformance.Stores{Stores: s.Stores(), Close: s.Close, Newer: s.newer}
//			}
//		}, Without: []conformance.Ability{conformance.Stalling, conformance.Networking}})
//	}
//
// [RunUsers] and [RunTokens] test users, and tokens and credentials, alone, and [RunTogether]
// stores of several databases. [RunFeature] is for authors of features, and [RunBuckets] for those
// of a backend by which instances of a throttle count together. [RunTrips] counts round trips.
//
// Each case is a subtest, named after a rule. When the store breaks the rule, the first
// line says what was asked, what came and what was wanted, and the second quotes the
// sentence of the contract:
//
//	--- FAIL: TestStore/users/create/unique
//	    users/create/unique: Create of "user-asked1", "EVE@EXAMPLE.COM" while "user-stored1", "eve@example.com" exists, through handle 1: got no error, want kit.ErrUserExists
//	        the contract: "It returns [ErrUserExists] when there is a user with the same [EmailKey], or with the same ID"
//
// Every case has an empty data set and two handles to it. The cases try every method with
// records that exist and that do not, and with values at their limits; contexts that end
// before, during and after a call; closed and reopened stores; sixteen callers at once
// where only one may win; random histories of a record, which must be linearizable; and
// records that a newer version of MyAuth wrote. For
// a store with a server a [Network] breaks, hangs, and loses each request and each answer
// in turn.
//
// The suite itself is tested with more than 500 stores and features that are each broken in one way.
// README.md has a walk through, the most common mistakes, and what the suite does not show.
// Package servers starts real databases for such a test.
package conformance
