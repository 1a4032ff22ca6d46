package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/fxamacker/cbor/v2"
)

// The algorithms (IANA COSE Algorithms), in the order in which they are asked for.
const (
	ES256 = -7   // ECDSA on P-256 with SHA-256
	EdDSA = -8   // with Ed25519
	RS256 = -257 // RSASSA-PKCS1-v1_5 with SHA-256
)

const (
	maxKey     = 2 << 10 // bytes of a COSE_Key
	minRSABits = 2048
	maxRSABits = 4096
)

// otherAlgorithms are names for the refusals.
var otherAlgorithms = map[int64]string{
	-9: "ESP256", -19: "Ed25519", -35: "ES384", -36: "ES512", -37: "PS256", -38: "PS384", -39: "PS512", -47: "ES256K",
	-51: "ESP384", -52: "ESP512", -53: "Ed448", -48: "ML-DSA-44", -49: "ML-DSA-65", -50: "ML-DSA-87",
	-258: "RS384", -259: "RS512", -65535: "RS1",
}

// coseKey is a COSE_Key (RFC 9053 section 7, RFC 8230 section 4). What the negative labels mean
// depends on kty.
type coseKey struct {
	Kty     int64           `cbor:"1,keyasint"`
	Alg     int64           `cbor:"3,keyasint"`
	Minus1  cbor.RawMessage `cbor:"-1,keyasint"` // crv, or n of RSA
	Minus2  []byte          `cbor:"-2,keyasint"` // x, or e of RSA
	Minus3  cbor.RawMessage `cbor:"-3,keyasint"` // y
	Private cbor.RawMessage `cbor:"-4,keyasint"`
}

// The values of kty.
const (
	ktyOKP = 1
	ktyEC2 = 2
	ktyRSA = 3
)

// publicKey verifies signatures: one of its fields is set.
type publicKey struct {
	ec  *ecdsa.PublicKey
	ed  ed25519.PublicKey
	rsa *rsa.PublicKey
}

// checkKey checks a COSE_Key that is to be registered. Beyond parseKey, it finds out whether an
// Ed25519 key is a point, which package ed25519 does at each login.
func checkKey(data []byte) error {
	key, err := parseKey(data)
	if err == nil && key.ed != nil && !onEd25519(key.ed) {
		err = errNotEd25519
	}
	return err
}

var errNotEd25519 = errors.New("webauthn: the public key is not a point of Ed25519")

// parseKey reads a COSE_Key of one of the three algorithms.
func parseKey(data []byte) (*publicKey, error) {
	if len(data) > maxKey {
		return nil, errors.New("webauthn: the public key is too long")
	}
	var k coseKey
	if err := strictCBOR.Unmarshal(data, &k); err != nil {
		return nil, fmt.Errorf("webauthn: the public key: %w", err)
	}
	if k.Private != nil {
		return nil, errors.New("webauthn: the public key has a private part")
	}
	key, err := &publicKey{}, error(nil)
	switch {
	case k.Alg == ES256 && k.Kty == ktyEC2:
		key.ec, err = k.p256()
	case k.Alg == EdDSA && k.Kty == ktyOKP:
		key.ed, err = k.ed25519()
	case k.Alg == RS256 && k.Kty == ktyRSA:
		key.rsa, err = k.rsa()
	case k.Alg == ES256 || k.Alg == EdDSA || k.Alg == RS256:
		err = errors.New("webauthn: the algorithm and the type of the public key do not go together")
	default:
		name := otherAlgorithms[k.Alg]
		if name == "" {
			name = "unknown"
		}
		err = fmt.Errorf("webauthn: the algorithm %s (%d) is not accepted: ES256 (-7), EdDSA (-8) and RS256 (-257) are", name, k.Alg)
	}
	return key, err
}

func (k *coseKey) curve() int64 {
	var crv int64
	if strictCBOR.Unmarshal(k.Minus1, &crv) != nil {
		return 0
	}
	return crv
}

func (k *coseKey) p256() (*ecdsa.PublicKey, error) {
	var y []byte
	if k.curve() != 1 {
		return nil, errors.New("webauthn: the curve of an ES256 key must be P-256")
	}
	if len(k.Minus2) != 32 || strictCBOR.Unmarshal(k.Minus3, &y) != nil || len(y) != 32 {
		return nil, errors.New("webauthn: a P-256 key has two coordinates of 32 bytes")
	}
	point := append(append(append(make([]byte, 0, 65), 4), k.Minus2...), y...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errors.New("webauthn: the public key is not a point of P-256")
	}
	return key, nil
}

func (k *coseKey) ed25519() (ed25519.PublicKey, error) {
	switch crv := k.curve(); {
	case crv == 7:
		return nil, errors.New("webauthn: the curve Ed448 is not accepted: Ed25519 is")
	case crv != 6:
		return nil, errors.New("webauthn: the curve of an EdDSA key must be Ed25519")
	case len(k.Minus2) != ed25519.PublicKeySize:
		return nil, errNotEd25519
	}
	return k.Minus2, nil
}

// onEd25519 reports whether b encodes a point (RFC 8032 section 5.1.3): y is below p, and
// (y²-1)/(dy²+1) is a square.
func onEd25519(b []byte) bool {
	one := big.NewInt(1)
	p := new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665)).Mod(d, p)
	be := make([]byte, len(b))
	for i, c := range b {
		be[len(b)-1-i] = c
	}
	be[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(be)
	if y.Cmp(p) >= 0 {
		return false
	}
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, one)
	v := yy.Mul(yy, d).Add(yy, one)
	return big.Jacobi(u.Mul(u, v).Mod(u, p), p) != -1
}

func (k *coseKey) rsa() (*rsa.PublicKey, error) {
	var n []byte
	if strictCBOR.Unmarshal(k.Minus1, &n) != nil || len(n) > maxRSABits/8 || len(k.Minus2) == 0 || len(k.Minus2) > 4 {
		return nil, fmt.Errorf("webauthn: an RSA key has a modulus of %d to %d bits and an exponent of at most 31", minRSABits, maxRSABits)
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(k.Minus2)
	switch {
	case modulus.BitLen() < minRSABits:
		return nil, fmt.Errorf("webauthn: an RSA key must have at least %d bits", minRSABits)
	case modulus.Bit(0) == 0, exponent.BitLen() < 2, exponent.BitLen() > 31, exponent.Bit(0) == 0:
		return nil, errors.New("webauthn: the modulus and the exponent of an RSA key must be odd, and the exponent have 2 to 31 bits")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

var errSignature = errors.New("webauthn: the signature is not that of the key")

// verify checks a signature over message.
func (k *publicKey) verify(message, signature []byte) error {
	ok := false
	switch {
	case k.ec != nil:
		sum := sha256.Sum256(message)
		ok = ecdsa.VerifyASN1(k.ec, sum[:], signature)
	case k.ed != nil:
		ok = ed25519.Verify(k.ed, message, signature)
	case k.rsa != nil:
		sum := sha256.Sum256(message)
		ok = rsa.VerifyPKCS1v15(k.rsa, crypto.SHA256, sum[:], signature) == nil
	}
	if !ok {
		return errSignature
	}
	return nil
}
