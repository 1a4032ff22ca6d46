package accesstoken_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit/accesstoken"
)

var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey  = sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(secret) })
)

func asymmetricKeys() []*accesstoken.Key {
	return []*accesstoken.Key{
		must(accesstoken.NewKey(accesstoken.RS256, "", rsaKey())),
		must(accesstoken.NewKey(accesstoken.ES256, "", ecKey())),
		must(accesstoken.NewKey(accesstoken.EdDSA, "", edKey())),
	}
}

func privateOf(key *accesstoken.Key) crypto.Signer {
	return map[accesstoken.Algorithm]crypto.Signer{accesstoken.RS256: rsaKey(), accesstoken.ES256: ecKey(), accesstoken.EdDSA: edKey()}[key.Algorithm()]
}

func publicOf(key *accesstoken.Key) crypto.PublicKey { return privateOf(key).Public() }

// hardware is a signer whose private key cannot be had.
type hardware struct{ crypto.Signer }

func TestKeys(t *testing.T) {
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	weak := &rsa.PublicKey{N: new(big.Int).Rsh(rsaKey().N, 1), E: rsaKey().E} // of 2047 bits
	for name, tt := range map[string]struct {
		err  error
		says string
	}{
		"secret of 31 bytes":  {errOf(accesstoken.NewKey(accesstoken.HS256, "", secret[:31])), "at least 32 bytes"},
		"HS384 with 47 bytes": {errOf(accesstoken.NewKey(accesstoken.HS384, "", long[:47])), "at least 48 bytes"},
		"HS512 with 63 bytes": {errOf(accesstoken.NewKey(accesstoken.HS512, "", long[:63])), "at least 64 bytes"},
		"no secret":           {errOf(accesstoken.NewKey(accesstoken.HS512, "", []byte(nil))), "at least 64 bytes"},
		"one byte repeated":   {errOf(accesstoken.NewKey(accesstoken.HS256, "k", bytes.Repeat([]byte("k"), 40))), "one byte over and over"},
		"nothing but zeros":   {errOf(accesstoken.NewKey(accesstoken.HS512, "", make([]byte, 64))), "one byte over and over"},
		"HMAC, no secret":     {func() error { _, err := accesstoken.HMAC(nil); return err }(), "at least 32 bytes"},
		"HMAC with RS256":     {errOf(accesstoken.NewKey(accesstoken.RS256, "k", secret)), "RSA"},
		"unknown algorithm":   {errOf(accesstoken.NewKey("none", "k", secret)), "unknown algorithm"},
		"empty algorithm":     {errOf(accesstoken.NewKey("", "k", edKey())), "unknown algorithm"},
		"PEM as secret":       {errOf(accesstoken.NewKey(accesstoken.HS256, "k", pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(rsaKey().Public()))))), "PEM"},
		"long kid":            {errOf(accesstoken.NewKey(accesstoken.HS256, strings.Repeat("k", 129), secret)), "1 to 128"},
		"kid not ASCII":       {errOf(accesstoken.NewKey(accesstoken.HS256, "ké", secret)), "printable ASCII"},
		"kid with a line end": {errOf(accesstoken.NewKey(accesstoken.EdDSA, "k\n", edKey().Public())), "printable ASCII"},
		"nil":                 {errOf(accesstoken.NewKey(accesstoken.EdDSA, "", nil)), "nil"},
		"nil for HS256":       {errOf(accesstoken.NewKey(accesstoken.HS256, "", nil)), "shared secret"},
		"a string for HS256":  {errOf(accesstoken.NewKey(accesstoken.HS256, "", string(secret))), "shared secret"},
		"public for HS256":    {errOf(accesstoken.NewKey(accesstoken.HS256, "", edKey().Public())), "shared secret"},
		"typed nil private":   {errOf(accesstoken.NewKey(accesstoken.RS256, "", (*rsa.PrivateKey)(nil))), "nil"},
		"short Ed25519":       {errOf(accesstoken.NewKey(accesstoken.EdDSA, "", ed25519.PrivateKey("short"))), "Ed25519"},
		"typed nil public":    {errOf(accesstoken.NewKey(accesstoken.ES256, "", (*ecdsa.PublicKey)(nil))), "P-256"},
		"short public":        {errOf(accesstoken.NewKey(accesstoken.EdDSA, "", ed25519.PublicKey("short"))), "Ed25519"},
		"off the curve":       {errOf(accesstoken.NewKey(accesstoken.ES256, "", &ecdsa.PublicKey{Curve: elliptic.P256(), X: weak.N, Y: weak.N})), "not usable"}, //nolint:staticcheck // only so can a point off the curve be made
		"weak RSA":            {errOf(accesstoken.NewKey(accesstoken.RS256, "", weak)), "at least 2048 bits"},
		"P-384":               {errOf(accesstoken.NewKey(accesstoken.ES256, "", p384)), "P-256"},
		"RSA for ES256":       {errOf(accesstoken.NewKey(accesstoken.ES256, "", rsaKey())), "ECDSA"},
		"EC for EdDSA":        {errOf(accesstoken.NewKey(accesstoken.EdDSA, "", ecKey())), "Ed25519"},
		"Ed25519 for RS256":   {errOf(accesstoken.NewKey(accesstoken.RS256, "", edKey())), "RSA"},
		"Ed25519 for HS256":   {errOf(accesstoken.NewKey(accesstoken.HS256, "", edKey())), "shared secret"},
		"hardware P-384":      {errOf(accesstoken.NewKey(accesstoken.ES256, "", hardware{p384})), "P-256"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.says) || !strings.HasPrefix(tt.err.Error(), "accesstoken: ") {
			t.Errorf("%s: %v, want it to say %q", name, tt.err, tt.says)
		}
	}
}

func errOf(_ *accesstoken.Key, err error) error { return err }

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// An HMAC key without an id gets one that is the same wherever that key is made, and
// another for another secret or algorithm.
func TestKeyIDOfASecret(t *testing.T) {
	ids := map[string]bool{}
	for _, key := range []*accesstoken.Key{
		hmacKey("", secret), hmacKey("", long), must(accesstoken.NewKey(accesstoken.HS384, "", long)), must(accesstoken.NewKey(accesstoken.HS512, "", long)),
	} {
		if len(key.ID()) != 22 || ids[key.ID()] {
			t.Errorf("the id %q is not of 128 bits, or not this key's alone", key.ID())
		}
		ids[key.ID()] = true
	}
	// HMAC-SHA-256 of the text "myauth key id of HS256" by OpenSSL 3.0, cut to 16 bytes.
	if id := hmacKey("", secret).ID(); id != "wFjgfUfNhuLp8GBKUaApHQ" || hmacKey("", secret).ID() != id {
		t.Errorf("the id is %q", id)
	}
}

func TestSecretIsCopied(t *testing.T) {
	mine := bytes.Clone(secret)
	keys := must(accesstoken.HMAC(mine))
	token := must(newSigner(keys).Sign(claims()))
	clear(mine)
	if _, err := newVerifier(keys).Verify(token); err != nil {
		t.Error("the keyring uses the caller's memory")
	}
}

func TestParsePEM(t *testing.T) {
	pkcs8 := func(key any) []byte { return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }
	spki := func(key any) []byte { return pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key))) }
	sec1 := pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey())))
	pkcs1 := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()))
	for name, tt := range map[string]struct {
		alg     accesstoken.Algorithm
		text    []byte
		canSign bool
	}{
		"RSA PKCS#8":            {accesstoken.RS256, pkcs8(rsaKey()), true},
		"RSA PKCS#1":            {accesstoken.RS256, pkcs1, true},
		"EC PKCS#8":             {accesstoken.ES256, pkcs8(ecKey()), true},
		"EC SEC 1":              {accesstoken.ES256, sec1, true},
		"EC of openssl ecparam": {accesstoken.ES256, append(pemOf("EC PARAMETERS", []byte{6, 8}), sec1...), true},
		"Ed25519":               {accesstoken.EdDSA, pkcs8(edKey()), true},
		"RSA public":            {accesstoken.RS256, spki(rsaKey().Public()), false},
		"EC public":             {accesstoken.ES256, spki(ecKey().Public()), false},
		"Ed25519 public":        {accesstoken.EdDSA, spki(edKey().Public()), false},
		"text and space around": {accesstoken.EdDSA, []byte("my key\n" + string(pkcs8(edKey())) + " \n\n"), true},
	} {
		key, err := accesstoken.ParsePEM(tt.alg, "", tt.text)
		if err != nil || key.Algorithm() != tt.alg || key.CanSign() != tt.canSign || len(key.ID()) != 43 {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
	x25519 := must(ecdh.X25519().GenerateKey(rand.Reader))
	for name, tt := range map[string]struct {
		alg  accesstoken.Algorithm
		text []byte
		says string
	}{
		"empty":               {accesstoken.RS256, nil, "no PEM block"},
		"DER":                 {accesstoken.RS256, must(x509.MarshalPKCS8PrivateKey(edKey())), "no PEM block"},
		"only parameters":     {accesstoken.ES256, pemOf("EC PARAMETERS", []byte{6, 8}), "no PEM block"},
		"two keys":            {accesstoken.EdDSA, append(pkcs8(edKey()), spki(edKey().Public())...), "more after"},
		"garbage behind":      {accesstoken.EdDSA, append(pkcs8(edKey()), "x"...), "more after"},
		"encrypted PKCS#8":    {accesstoken.RS256, pemOf("ENCRYPTED PRIVATE KEY", []byte{1}), "encrypted"},
		"encrypted PKCS#1":    {accesstoken.RS256, []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), "encrypted"},
		"certificate":         {accesstoken.RS256, pemOf("CERTIFICATE", []byte{1}), "CERTIFICATE"},
		"PKCS#1 public":       {accesstoken.RS256, pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), "RSA PUBLIC KEY"},
		"broken":              {accesstoken.RS256, pemOf("PRIVATE KEY", []byte("not DER")), "does not hold"},
		"trailing DER":        {accesstoken.EdDSA, pemOf("PUBLIC KEY", append(must(x509.MarshalPKIXPublicKey(edKey().Public())), 0)), "does not hold"},
		"X25519":              {accesstoken.EdDSA, pkcs8(x25519), "Ed25519"},
		"RSA for EdDSA":       {accesstoken.EdDSA, pkcs8(rsaKey()), "Ed25519"},
		"public EC for RS256": {accesstoken.RS256, spki(ecKey().Public()), "RSA"},
		"HS256":               {accesstoken.HS256, pkcs8(edKey()), "shared secret"},
		"unknown algorithm":   {"PS256", pkcs8(rsaKey()), "unknown algorithm"},
	} {
		key, err := accesstoken.ParsePEM(tt.alg, "", tt.text)
		if key != nil || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want it to say %q", name, err, tt.says)
		}
	}
}

// rfc7638 is the RSA key of RFC 7638, section 3.1.
const rfc7638 = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0vx7agoebGcQSuuPiLJX
ZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS
oc/BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt
7/RN5w6Cf0h4QyQ5v+65YGjQR0/FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0
zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0f
M4lFd2NcRwr3XPksINHaQ+G/xBniIqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDK
gwIDAQAB
-----END PUBLIC KEY-----
`

// The thumbprint of RFC 7638, section 3.1.
func TestThumbprintOfRSA(t *testing.T) {
	key := must(accesstoken.ParsePEM(accesstoken.RS256, "", []byte(rfc7638)))
	if key.ID() != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("thumbprint %s", key.ID())
	}
}

// The thumbprint of RFC 8037, appendix A.3.
func TestThumbprintVector(t *testing.T) {
	seed := must(base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
	key := must(accesstoken.NewKey(accesstoken.EdDSA, "", ed25519.NewKeyFromSeed(seed)))
	if key.ID() != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("thumbprint %s", key.ID())
	}
}

// Every algorithm signs and verifies, also through a signer that only signs.
func TestAlgorithms(t *testing.T) {
	keys := append(asymmetricKeys(),
		must(accesstoken.NewKey(accesstoken.HS256, "h1", secret)),
		must(accesstoken.NewKey(accesstoken.HS384, "h2", long[:48])),
		must(accesstoken.NewKey(accesstoken.HS512, "h3", long)),
		must(accesstoken.NewKey(accesstoken.RS256, "w1", hardware{rsaKey()})),
		must(accesstoken.NewKey(accesstoken.ES256, "w2", hardware{ecKey()})),
		must(accesstoken.NewKey(accesstoken.EdDSA, "w3", hardware{edKey()})),
	)
	size := map[accesstoken.Algorithm]int{"HS256": 32, "HS384": 48, "HS512": 64, "RS256": 256, "ES256": 64, "EdDSA": 64}
	for _, key := range keys {
		ring := must(accesstoken.NewKeyring(key))
		for range 20 { // an ECDSA signature has short numbers now and then
			token := must(newSigner(ring).Sign(claims()))
			signature := must(base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:]))
			if len(signature) != size[key.Algorithm()] {
				t.Errorf("%v: a signature of %d bytes", key, len(signature))
			}
			if got, err := newVerifier(ring).Verify(token); err != nil || got.Subject != "user-1" {
				t.Errorf("%v: %v", key, err)
			}
		}
	}
}

type failing struct{ crypto.Signer }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, fmt.Errorf("the module is away")
}

func TestSignerFailure(t *testing.T) {
	key := must(accesstoken.NewKey(accesstoken.ES256, "hsm", failing{ecKey()}))
	_, err := newSigner(must(accesstoken.NewKeyring(key))).Sign(claims())
	if err == nil || !strings.Contains(err.Error(), "the module is away") {
		t.Errorf("%v", err)
	}
}

// Nothing prints a secret: not keys, and nothing that holds them.
func TestNothingPrintsSecrets(t *testing.T) {
	type holder struct {
		Key  *accesstoken.Key
		key  accesstoken.Key
		Ring *accesstoken.Keyring
	}
	all := append(asymmetricKeys(), hmacKey("h", secret))
	ring := must(accesstoken.NewKeyring(all[0], all[1:]...))
	signer, verifier := newSigner(ring), newVerifier(ring)
	values := []any{
		ring, signer, *signer, verifier, *verifier, all,
		holder{all[3], *all[3], ring}, &holder{all[3], *all[3], ring}, new(accesstoken.Key), new(accesstoken.Keyring),
	}
	for _, key := range all {
		values = append(values, key, *key)
	}
	var secrets []string
	for _, b := range [][]byte{secret, rsaKey().D.Bytes(), must(ecKey().Bytes()), edKey().Seed()} {
		b = b[4:20]
		dec := strings.Trim(fmt.Sprint(b), "[]")
		secrets = append(secrets, string(b), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), dec,
			strings.ReplaceAll(dec, " ", ", "), base64.StdEncoding.EncodeToString(b[:15]), strings.Trim(fmt.Sprintf("%#v", b), "[]byte{}"))
	}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "% x", "%q", "%s", "%d", "%b"} {
			text := fmt.Sprintf(verb, value)
			for _, s := range secrets {
				if strings.Contains(text, s) {
					t.Errorf("%s of a %T prints a secret: %s", verb, value, text)
				}
			}
		}
	}
	if got := fmt.Sprint(all[3]); got != `HS256 key "h" [redacted]` {
		t.Errorf("%s", got)
	}
}
