package webauthn

import "testing"

// BenchmarkVerifyAssertion is the whole check of a login but for the store, for each algorithm.
func BenchmarkVerifyAssertion(b *testing.B) {
	for _, v := range vectors(b) {
		switch v.Name {
		case "none.ES256", "packed.EdDSA", "packed.RS256":
			b.Run(v.Name, func(b *testing.B) {
				rp, a := v.rp(), v.assertion()
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := rp.VerifyAssertion(a, v.Authentication.Challenge, v.PublicKey.Cose); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
