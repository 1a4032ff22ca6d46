package accesstoken

import "math/big"

// rocaPrimes are the primes up to 167 that tell a modulus of the ROCA family from
// another: those whose residues 65537 does not generate all of. The published test
// looks at the same range.
var rocaPrimes = [...]int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

// isROCA reports whether n has the mark of the keys that RSALib of Infineon made
// (CVE-2017-15361), in smart cards, TPMs and tokens: modulo each small prime n is a
// power of 65537. Such moduli can be factored in practice. By chance about one in
// 2^27 other moduli has the mark too; a new key then helps.
func isROCA(n *big.Int) bool {
	rest := new(big.Int)
	for _, p := range rocaPrimes {
		want := rest.Mod(n, big.NewInt(p)).Int64()
		power := int64(1)
		for range p {
			if power == want {
				break
			}
			power = power * 65537 % p
		}
		if power != want {
			return false
		}
	}
	return true
}
