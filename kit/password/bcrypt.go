package password

import (
	"encoding/base64"

	"golang.org/x/crypto/blowfish"
)

const (
	saltSize = 16
	// digestSize is one byte less than what bcrypt computes, as everybody stores it.
	digestSize = 23
	// maxKey is what bcrypt reads of a key: the rest would not count.
	maxKey = 72
)

// bcryptEncoding is the base64 of bcrypt strings: an alphabet of its own, unpadded.
var bcryptEncoding = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// bcryptDigest is bcrypt itself (Provos and Mazières, "A Future-Adaptable Password
// Scheme", 1999), over x/crypto's Blowfish. x/crypto's bcrypt package draws its salt
// inside, and passlib's format for long passwords needs it before: it is the key
// that condenses the password. The key must have at most 72 bytes and no NUL.
func bcryptDigest(key []byte, cost int, salt [saltSize]byte) [digestSize]byte {
	terminated := append(append(make([]byte, 0, maxKey+1), key...), 0)
	cipher, err := blowfish.NewSaltedCipher(terminated, salt[:])
	if err != nil {
		panic("password: " + err.Error()) // only for an empty key, and this one ends with a zero
	}
	for range 1 << cost {
		blowfish.ExpandKey(terminated, cipher)
		blowfish.ExpandKey(salt[:], cipher)
	}
	text := []byte("OrpheanBeholderScryDoubt")
	for block := 0; block < len(text); block += blowfish.BlockSize {
		for range 64 {
			cipher.Encrypt(text[block:], text[block:])
		}
	}
	return [digestSize]byte(text)
}
