package conformance_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// What a memstore cannot do. A database can, and lists less.
var withoutDatabase = []conformance.Ability{conformance.Durability, conformance.Upgrading, conformance.Stalling, conformance.Networking}

// testUsers proves a store of users alone.
func testUsers(t *testing.T) {
	conformance.RunUsers(t, conformance.Config{
		New: func(testing.TB) conformance.Open {
			data := memstore.New() // empty, for one case
			return func(testing.TB) conformance.Stores {
				return conformance.Stores{Stores: kit.Stores{Users: data.Users()}, Close: data.Close}
			}
		},
		Without: withoutDatabase,
	})
}

// Users live in a database of their own, and its store has no tokens.
func ExampleRunUsers() {
	TestUsers := testUsers
	_ = TestUsers
}

// testTokens proves a store of tokens alone.
func testTokens(t *testing.T) {
	conformance.RunTokens(t, conformance.Config{
		New: func(testing.TB) conformance.Open {
			data := memstore.New()
			return func(testing.TB) conformance.Stores {
				return conformance.Stores{Stores: kit.Stores{Tokens: data.Tokens(), Credentials: data.Credentials()}, Close: data.Close}
			}
		},
		Without: withoutDatabase,
	})
}

// Tokens live in a database of their own, and its store has no users.
func ExampleRunTokens() {
	TestTokens := testTokens
	_ = TestTokens
}

// testTogether runs the life of sessions over users here and tokens there.
func testTogether(t *testing.T) {
	conformance.RunTogether(t, conformance.Config{
		New: func(testing.TB) conformance.Open {
			users, tokens := memstore.New(), memstore.New()
			return func(testing.TB) conformance.Stores {
				stores := users.Stores()
				stores.Tokens = tokens.Tokens()
				return conformance.Stores{Stores: stores, Close: func() error {
					if err := users.Close(); err != nil {
						return err
					}
					return tokens.Close()
				}}
			}
		},
		Without: withoutDatabase,
	})
}

// Two stores, each of which RunUsers and RunTokens have proven, as a pair.
func ExampleRunTogether() {
	TestTogether := testTogether
	_ = TestTogether
}

// TestExamples runs what the examples show, so that none of it is only compiled.
func TestExamples(t *testing.T) {
	t.Run("users", testUsers)
	t.Run("tokens", testTokens)
	t.Run("together", testTogether)
	t.Run("feature", testConsent)
}
