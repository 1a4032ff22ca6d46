package password

import (
	"context"
	"encoding/base64"

	"golang.org/x/crypto/blowfish" //nolint:staticcheck // deprecated as a cipher, and what bcrypt is made of
)

const (
	saltSize = 16
	// digestSize is one byte less than bcrypt computes, as every implementation stores it.
	digestSize = 23
	// maxKey is what bcrypt reads of a key: the rest would not count.
	maxKey = 72
	// checkRounds is how many rounds go by between two looks at the context: about
	// two milliseconds.
	checkRounds = 32
	// pauseRounds is how many go by between two calls of pause: about eight milliseconds,
	// half of what a page has between two pictures. The first call comes after half as
	// many: so a hash of a lower cost and the rounds that it lacks make as many pauses
	// together as a hash of the configured cost, and only at cost 6 one less.
	pauseRounds = 128
)

// bcryptEncoding is the base64 of bcrypt strings: another alphabet, unpadded.
var bcryptEncoding = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// bcryptDigest is bcrypt (Provos and Mazières, "A Future-Adaptable Password Scheme",
// 1999): 2^cost rounds of x/crypto's Blowfish key schedule. x/crypto's package bcrypt is
// not enough, because it draws the salt itself, while passlib's format needs the salt
// before: there it is the key that condenses the password. With the loop here, the end
// of ctx stops it, and the number of rounds need not be a power of two. The tests compare
// it with x/crypto's, bit for bit.
//
// The key has at most 72 bytes and no NUL. The only error is ctx's.
func bcryptDigest(ctx context.Context, key []byte, salt [saltSize]byte, rounds int) ([digestSize]byte, error) {
	var buf [maxKey + 1]byte // bcrypt counts the terminating zero of a C string
	terminated := buf[:copy(buf[:maxKey], key)+1]
	cipher, err := blowfish.NewSaltedCipher(terminated, salt[:])
	if err != nil {
		panic("password: " + err.Error()) // only for an empty key, and this one ends with a zero
	}
	for i := range rounds {
		if i%checkRounds == 0 && ctx.Err() != nil {
			return [digestSize]byte{}, ctx.Err()
		}
		if i%pauseRounds == pauseRounds/2 {
			pause()
		}
		blowfish.ExpandKey(terminated, cipher)
		blowfish.ExpandKey(salt[:], cipher)
	}
	text := []byte("OrpheanBeholderScryDoubt")
	for block := 0; block < len(text); block += blowfish.BlockSize {
		for range 64 {
			cipher.Encrypt(text[block:], text[block:])
		}
	}
	return [digestSize]byte(text), nil
}
