package accesstoken_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"myauth.internal/kit/accesstoken"
)

// rocaPrime is a prime of 1024 bits as RSALib made them: k*M + (65537^a mod M), where M
// is the product of the first 126 primes (Nemec and others, "The Return of
// Coppersmith's Attack", 2017, section 2.2). The first prime from k on is taken.
func rocaPrime(a, k int64) *big.Int {
	m := big.NewInt(1)
	for p, n := int64(2), 0; n < 126; p++ {
		if big.NewInt(p).ProbablyPrime(0) {
			m.Mul(m, big.NewInt(p))
			n++
		}
	}
	rest := new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), m)
	for factor := new(big.Int).Lsh(big.NewInt(k), uint(1024-m.BitLen()-8)); ; factor.Add(factor, big.NewInt(1)) {
		p := new(big.Int).Mul(factor, m)
		if p.Add(p, rest).ProbablyPrime(1) {
			return p
		}
	}
}

// TestROCA: such a key is refused by each way in, and keys of the standard library by
// none.
func TestROCA(t *testing.T) {
	p, q := rocaPrime(12345, 192), rocaPrime(987654321, 200)
	bad := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, Primes: []*big.Int{p, q}}
	one := big.NewInt(1)
	bad.D = new(big.Int).ModInverse(big.NewInt(65537), new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)))
	bad.Precompute()
	if err := bad.Validate(); err != nil || bad.N.BitLen() != 2048 {
		t.Fatal("the key is not one:", bad.N.BitLen(), err)
	}
	n := b64(string(bad.N.Bytes()))
	set := must(json.Marshal(map[string]any{"keys": []any{map[string]any{"kty": "RSA", "n": n, "e": "AQAB"}}}))
	for name, err := range map[string]error{
		"private":              errOf(accesstoken.NewKey(accesstoken.RS256, "", bad)),
		"private, in a module": errOf(accesstoken.NewKey(accesstoken.RS256, "", hardware{bad})),
		"public":               errOf(accesstoken.NewKey(accesstoken.RS256, "", bad.Public())),
		"ParsePEM, private":    errOf(accesstoken.ParsePEM(accesstoken.RS256, "", pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(bad))))),
		"ParsePEM, public":     errOf(accesstoken.ParsePEM(accesstoken.RS256, "", pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(bad.Public()))))),
		"ParseJWKS":            ringErr(parseJWKS(set)),
	} {
		if err == nil || !strings.Contains(err.Error(), "CVE-2017-15361") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := accesstoken.NewKey(accesstoken.RS256, "", rsaKey().Public()); err != nil {
		t.Error("a key of the standard library:", err)
	}
	// One residue that is no power of 65537 is enough.
	other := &rsa.PublicKey{N: new(big.Int).Add(bad.N, new(big.Int).Mul(big.NewInt(2*11*13*17*19*37), big.NewInt(53*61*71*73))), E: 65537}
	if _, err := accesstoken.NewKey(accesstoken.RS256, "", other); err != nil {
		t.Error("a modulus with the mark of nine of the primes:", err)
	}
}
