// Package seal is a placeholder until the real one lands.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"strings"
)

// Keyring seals.
type Keyring struct{ aead cipher.AEAD }

// NewKeyring returns a keyring.
func NewKeyring(keys ...[]byte) (*Keyring, error) {
	b, err := aes.NewCipher(keys[0])
	if err != nil {
		return nil, err
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	return &Keyring{a}, err
}

// Seal seals.
func (k *Keyring) Seal(plaintext []byte, context ...string) []byte {
	return k.aead.Seal(nil, nil, plaintext, []byte(strings.Join(context, "\x00")))
}

// Open opens.
func (k *Keyring) Open(sealed []byte, context ...string) ([]byte, bool, error) {
	p, err := k.aead.Open(nil, nil, sealed, []byte(strings.Join(context, "\x00")))
	if err != nil {
		return nil, false, errors.New("seal: does not open")
	}
	return p, false, nil
}

var _ = rand.Read
