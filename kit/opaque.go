package kit

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// The prefixes let secret scanners recognise a leaked token.
const (
	refreshPrefix = "myauth_rt_"
	resetPrefix   = "myauth_pr_"
)

// An opaque token is its prefix and the base64url of id, secret and checksum. 51
// bytes make 68 characters without spare bits, so each token has one spelling.
const (
	opaqueIDSize     = 16
	opaqueTimeSize   = 6
	opaqueSecretSize = 32
	opaqueSumSize    = 3
	opaqueSize       = opaqueIDSize + opaqueSecretSize + opaqueSumSize
)

// opaqueToken is a token that its holder presents, taken apart. The store knows
// its id, and of its secret only the hash.
type opaqueToken struct {
	id     [opaqueIDSize]byte
	secret [opaqueSecretSize]byte
}

// rowIDEncoding has the characters of base64url in the order of their bytes, so that
// the encodings sort as what they encode.
var rowIDEncoding = base64.NewEncoding("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz").WithPadding(base64.NoPadding)

// rowID is the id as the store has it.
func (t opaqueToken) rowID() string { return rowIDEncoding.EncodeToString(t.id[:]) }

// newOpaqueToken draws a secret of 256 bits, and an id that begins with 48 bits of
// milliseconds and has 80 random bits after them: as with [newUUID], what is made at
// one time lies side by side in an index, and expires at one time too. Neither has to
// be kept from the holder, and nobody guesses 80 bits at a server. Crypto/rand never
// fails.
func newOpaqueToken(now time.Time) opaqueToken {
	var t opaqueToken
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(t.id[:opaqueTimeSize], ms[len(ms)-opaqueTimeSize:])
	rand.Read(t.id[opaqueTimeSize:])
	rand.Read(t.secret[:])
	return t
}

// randomID returns 128 random bits as 22 characters of base64url.
func randomID() string {
	var b [opaqueIDSize]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// encode returns what the holder gets.
func (t opaqueToken) encode(prefix string) Secret {
	var raw [opaqueSize]byte
	copy(raw[:], t.id[:])
	copy(raw[opaqueIDSize:], t.secret[:])
	sum := opaqueChecksum(prefix, raw[:opaqueSize-opaqueSumSize])
	copy(raw[opaqueSize-opaqueSumSize:], sum[:])
	return Secret(prefix + base64.RawURLEncoding.EncodeToString(raw[:]))
}

// parseOpaqueToken takes a presented token apart. The checksum refuses what was
// mistyped, cut or made up, without a query; it proves nothing, the secret does.
func parseOpaqueToken(prefix, token string) (opaqueToken, error) {
	encoded, ok := strings.CutPrefix(token, prefix)
	if !ok || len(encoded) != opaqueSize/3*4 || strings.ContainsAny(encoded, "\r\n") {
		return opaqueToken{}, ErrInvalidToken
	}
	var raw [opaqueSize]byte
	if n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(encoded)); err != nil || n != opaqueSize {
		return opaqueToken{}, ErrInvalidToken
	}
	sum := opaqueChecksum(prefix, raw[:opaqueSize-opaqueSumSize])
	if !bytes.Equal(sum[:], raw[opaqueSize-opaqueSumSize:]) {
		return opaqueToken{}, ErrInvalidToken
	}
	t := opaqueToken{id: [opaqueIDSize]byte(raw[:opaqueIDSize])}
	copy(t.secret[:], raw[opaqueIDSize:])
	return t, nil
}

func opaqueChecksum(prefix string, data []byte) [opaqueSumSize]byte {
	var buf [len(refreshPrefix) + opaqueSize]byte
	sum := sha256.Sum256(append(append(buf[:0], prefix...), data...))
	return [opaqueSumSize]byte(sum[:opaqueSumSize])
}

// hash is what the store keeps of the secret.
func (t opaqueToken) hash() []byte {
	sum := sha256.Sum256(t.secret[:])
	return sum[:]
}
