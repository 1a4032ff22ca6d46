package conformance_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/kit/memstore"
)

// testStore is all that a store's author writes: in a test file of the store's
// package, under a name that begins with Test.
func testStore(t *testing.T) {
	conformance.Run(t, conformance.Config{
		// New makes an empty data set: a fresh file, schema or key prefix.
		New: func(t testing.TB) conformance.Open {
			data := memstore.New()
			// What it returns opens one more handle to that data set.
			return func(t testing.TB) conformance.Stores {
				return conformance.Stores{Stores: data.Stores(), Close: data.Close}
			}
		},
		// What the store cannot do, or the test cannot show, it declares.
		Without: []conformance.Ability{conformance.Durability, conformance.Upgrading, conformance.Stalling, conformance.Networking},
	})
}

// Run is called from a test: go test runs TestStore, which is testStore here.
func ExampleRun() {
	TestStore := testStore
	_ = TestStore
}
