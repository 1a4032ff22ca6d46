package accesstoken

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	// The module that jwx's own primitives are a wrapper of. The wrapper links the
	// rest of jwx, net/http included, into every program that checks a token: as
	// WebAssembly 7.2 MB and not 4.3 MB.
	"github.com/lestrrat-go/dsig"
)

// Algorithm is a signature algorithm, by its name in the registry of RFC 7518.
type Algorithm string

// The algorithms. There is no "none", and no other.
const (
	// HS256, HS384 and HS512 are HMAC with SHA-2: every program that can verify can
	// also sign.
	HS256 Algorithm = "HS256"
	HS384 Algorithm = "HS384"
	HS512 Algorithm = "HS512"
	// RS256 is RSASSA-PKCS1-v1_5 with SHA-256.
	RS256 Algorithm = "RS256"
	// ES256 is ECDSA on P-256 with SHA-256.
	ES256 Algorithm = "ES256"
	// EdDSA is Ed25519 (RFC 8037).
	EdDSA Algorithm = "EdDSA"
)

// algorithms has what differs between them: the key that one needs, in words, and
// the name of the signature in package dsig or the hash of the HMAC.
var algorithms = map[Algorithm]struct {
	key, signature string
	hash           func() hash.Hash
}{
	HS256: {key: "a shared secret as a []byte", hash: sha256.New},
	HS384: {key: "a shared secret as a []byte", hash: sha512.New384},
	HS512: {key: "a shared secret as a []byte", hash: sha512.New},
	RS256: {key: "an RSA key", signature: dsig.RSAPKCS1v15WithSHA256},
	ES256: {key: "an ECDSA key on P-256", signature: dsig.ECDSAWithP256AndSHA256},
	EdDSA: {key: "an Ed25519 key", signature: dsig.EdDSA},
}
