// Package opaque makes and reads the tokens that only their row in a store can prove:
// refresh tokens and password-reset tokens. The store keeps the ID and a hash of the secret.
package opaque

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// A token is a prefix and the base64url of id, secret and checksum. 51 bytes make 68
// characters without spare bits, so each token has one spelling.
const (
	idSize     = 16
	timeSize   = 6 // of the ID
	secretSize = 32
	sumSize    = 3
	size       = idSize + secretSize + sumSize
)

// Token is the decoded form of a token.
type Token struct {
	id     [idSize]byte
	secret [secretSize]byte
}

// New returns a token with a secret of 256 random bits. Its ID begins with 48 bits of
// milliseconds and has 80 random bits after them, so tokens that are made together are
// neighbours in an index, and expire together. The holder may know both; 80 bits are too
// many to guess at a server.
func New(now time.Time) Token {
	var t Token
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(t.id[:timeSize], ms[len(ms)-timeSize:])
	rand.Read(t.id[timeSize:])
	rand.Read(t.secret[:])
	return t
}

// ForRow returns a token, with a secret of 256 random bits, for a row that has an ID already.
func ForRow(id string) (Token, bool) {
	var t Token
	raw, err := rowIDEncoding.DecodeString(id)
	if err != nil || len(raw) != idSize {
		return Token{}, false
	}
	copy(t.id[:], raw)
	rand.Read(t.secret[:])
	return t, true
}

// Parse decodes a token that was encoded with prefix, and reports whether it is one. The
// checksum refuses what was mistyped, cut or made up without a query. It proves nothing:
// the secret does.
func Parse(prefix, text string) (Token, bool) {
	encoded, ok := strings.CutPrefix(text, prefix)
	if !ok || len(encoded) != size/3*4 || strings.ContainsAny(encoded, "\r\n") {
		return Token{}, false
	}
	var raw [size]byte
	if n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(encoded)); err != nil || n != size {
		return Token{}, false
	}
	sum := checksum(prefix, raw[:size-sumSize])
	if !bytes.Equal(sum[:], raw[size-sumSize:]) {
		return Token{}, false
	}
	return Token{id: [idSize]byte(raw[:idSize]), secret: [secretSize]byte(raw[idSize:])}, true
}

// Encode returns the token as its holder gets it. The prefix lets secret scanners recognise
// a leaked token.
func (t Token) Encode(prefix string) string {
	var raw [size]byte
	copy(raw[:], t.id[:])
	copy(raw[idSize:], t.secret[:])
	sum := checksum(prefix, raw[:size-sumSize])
	copy(raw[size-sumSize:], sum[:])
	var buf [128]byte
	return string(base64.RawURLEncoding.AppendEncode(append(buf[:0], prefix...), raw[:]))
}

func checksum(prefix string, data []byte) [sumSize]byte {
	var buf [16 + size]byte
	sum := sha256.Sum256(append(append(buf[:0], prefix...), data...))
	return [sumSize]byte(sum[:sumSize])
}

// rowIDEncoding has the characters of base64url in the order of their bytes, so the
// encodings sort as what they encode.
var rowIDEncoding = base64.NewEncoding("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz").WithPadding(base64.NoPadding)

// RowID returns the ID of the token's row: 22 characters of base64url that sort by age,
// byte by byte.
func (t Token) RowID() string { return rowIDEncoding.EncodeToString(t.id[:]) }

// DerivedRowID returns an ID of the same form for a record whose key is a hash of at least 16
// bytes. It does not sort by age.
func DerivedRowID(sum []byte) string { return rowIDEncoding.EncodeToString(sum[:idSize]) }

// Hash returns the SHA-256 of the secret, which is all that the store keeps of it.
func (t Token) Hash() []byte {
	sum := sha256.Sum256(t.secret[:])
	return sum[:]
}

// Successor returns the token that replaces t in its row. A holder of t can be answered with
// it again; the store, which has the salt but no secret, cannot derive it. As the secret
// has 256 random bits, a hash of both is enough; an HMAC takes four times as long.
func (t Token) Successor(salt []byte) Token {
	var buf [2 * secretSize]byte
	return Token{id: t.id, secret: sha256.Sum256(append(append(buf[:0], salt...), t.secret[:]...))}
}

// NewSalt returns 32 random bytes, for one call of [Token.Successor].
func NewSalt() []byte {
	salt := make([]byte, 32)
	rand.Read(salt)
	return salt
}
