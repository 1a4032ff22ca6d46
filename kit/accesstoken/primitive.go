package accesstoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"

	// The module that jwx's own primitives are a wrapper of. The wrapper links the
	// rest of jwx, net/http included, into every program that checks a token: as
	// WebAssembly 7.2 MB and not 4.3 MB.
	"github.com/lestrrat-go/dsig"
)

// signatureSize returns the length of the key's signatures, in bytes: each
// algorithm has one length only.
func (m *material) signatureSize() int {
	switch m.alg {
	case HS256:
		return 32
	case HS384:
		return 48
	case RS256:
		return m.public.(*rsa.PublicKey).Size()
	}
	return 64 // HS512, ES256 (r and s, 32 bytes each), EdDSA
}

// sign returns the signature of input.
func (m *material) sign(input []byte) ([]byte, error) {
	var signature []byte
	var err error
	switch m.alg {
	case RS256:
		signature, err = dsig.Sign(m.private, dsig.RSAPKCS1v15WithSHA256, input, nil)
	case ES256:
		signature, err = dsig.Sign(m.private, dsig.ECDSAWithP256AndSHA256, input, nil)
	case EdDSA:
		signature, err = dsig.Sign(m.private, dsig.EdDSA, input, nil)
	default:
		signature, err = dsig.SignHMAC(m.secret, input, m.alg.hmacHash())
	}
	if err != nil {
		return nil, fmt.Errorf("accesstoken: the key %q did not sign: %w", m.kid, err)
	}
	if len(signature) != m.signatureSize() {
		return nil, fmt.Errorf("accesstoken: the key %q returned a signature of the wrong length", m.kid)
	}
	return signature, nil
}

// verify reports whether signature, which has the right length, is that of input,
// under the algorithm of the key and no other.
func (m *material) verify(input, signature []byte) bool {
	switch public := m.public.(type) {
	case *rsa.PublicKey:
		return dsig.VerifyRSA(public, input, signature, crypto.SHA256, false) == nil
	case *ecdsa.PublicKey:
		return dsig.VerifyECDSA(public, input, signature, crypto.SHA256) == nil
	case ed25519.PublicKey:
		return dsig.VerifyEdDSA(public, input, signature) == nil
	}
	h := m.alg.hmacHash()
	return h != nil && dsig.VerifyHMAC(m.secret, input, signature, h) == nil
}
