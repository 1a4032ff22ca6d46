package conformance_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/kit/memstore"
)

// TestMemstore proves the store that package kit ships. It is here because kit
// depends on nothing of the suite.
func TestMemstore(t *testing.T) {
	conformance.Run(t, conformance.Config{
		New: func(t testing.TB) conformance.Open {
			s := memstore.New()
			return func(testing.TB) conformance.Stores {
				return conformance.Stores{Stores: s.Stores(), Close: s.Close}
			}
		},
		Without:  withoutDatabase,
		Parallel: true,
	})
}

// TestExample runs what the example shows.
func TestExample(t *testing.T) { testStore(t) }
