package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

const (
	nonceSize = 24
	tagSize   = 16
	half      = 12 // of a nonce: what derives the key, and what AES-GCM gets
)

// xaes is XAES-256-GCM: c2sp.org/XAES-256-GCM.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // the subkey K1 of CMAC (NIST SP 800-38B, section 6.1)
}

func newXAES(key []byte) (*xaes, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	var carry byte
	for i := len(x.k1) - 1; i >= 0; i-- {
		x.k1[i], carry = x.k1[i]<<1|carry, x.k1[i]>>7
	}
	x.k1[len(x.k1)-1] ^= carry * 0b10000111
	return x, nil
}

// derive returns AES-GCM under the key for a nonce: in the counter mode of NIST SP 800-108 with
// CMAC, where each input is one block.
func (x *xaes) derive(nonce []byte) cipher.AEAD {
	var key [2 * aes.BlockSize]byte
	for i := range 2 {
		block := key[i*aes.BlockSize:][:aes.BlockSize]
		copy(block, []byte{0, byte(i + 1), 'X', 0})
		copy(block[4:], nonce[:half])
		subtle.XORBytes(block, block, x.k1[:])
		x.block.Encrypt(block, block)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has a right length
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // the block has a right length
	}
	return gcm
}

func (x *xaes) seal(dst, nonce, plaintext, additional []byte) []byte {
	return x.derive(nonce).Seal(dst, nonce[half:], plaintext, additional)
}

func (x *xaes) open(dst, nonce, ciphertext, additional []byte) ([]byte, error) {
	return x.derive(nonce).Open(dst, nonce[half:], ciphertext, additional)
}
