package stores

import (
	"testing"

	"myauth.internal/kit/memstore"
)

// BenchmarkMemstore has the same store on both sides: its ratios say how far the others can
// be trusted.
func BenchmarkMemstore(b *testing.B) {
	bench(b, func(*testing.B) (driver, bare store) { return inMemory(), inMemory() })
}

func inMemory() store {
	s := memstore.New()
	return store{users: s.Users(), tokens: s.Tokens()}
}
