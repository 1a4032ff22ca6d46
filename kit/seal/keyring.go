package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeySize is the length of a data key in bytes.
const KeySize = 32

// The errors of [Keyring.Open].
var (
	// ErrUnknownKey: sealed under a key that is not in the keyring. The error names its ID.
	ErrUnknownKey = errors.New("seal: sealed under a key that is not in the keyring")
	// ErrInvalid: not what Seal returned for this context.
	ErrInvalid = errors.New("seal: does not open: it was changed, cut off or sealed for another context")
)

// Keyring is a list of data keys: the first seals, and all open. It never changes, is safe for
// concurrent use, and prints as the IDs of its keys. [NewKeyring] and [Parse] make one; the
// zero Keyring is of no use.
type Keyring struct{ keys []key }

// key is one data key.
type key struct {
	id keyID
	// It is behind functions because package fmt calls no methods of a value in an unexported
	// field. Of a function it prints the address.
	seal func(dst, nonce, plaintext, additional []byte) []byte
	open func(dst, nonce, ciphertext, additional []byte) ([]byte, error)
}

type keyID [8]byte

func (id keyID) String() string { return hex.EncodeToString(id[:]) }

// NewKeyring returns a keyring of these keys, each of 32 random bytes. It is an error if there
// is none, if one is there twice, or if one is a single byte over and over.
func NewKeyring(keys ...[]byte) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("seal: a keyring needs a data key: " + howToMakeOne)
	}
	k := &Keyring{}
	for i, secret := range keys {
		switch {
		case len(secret) != KeySize:
			return nil, fmt.Errorf("seal: a data key has %d bytes, and the key at place %d has %d: %s", KeySize, i+1, len(secret), howToMakeOne)
		case bytes.Count(secret, secret[:1]) == len(secret):
			return nil, fmt.Errorf("seal: the key at place %d is one byte over and over: %s", i+1, howToMakeOne)
		}
		made, err := newKey(secret)
		if err != nil {
			return nil, err
		}
		if k.byID(made.id) != nil {
			return nil, fmt.Errorf("seal: the key at place %d is there already: name each key once", i+1)
		}
		k.keys = append(k.keys, *made)
	}
	return k, nil
}

const howToMakeOne = "make one with openssl rand -base64 32"

// Parse returns the keyring of a setting: keys in base64, with commas between them. White
// space around a key is ignored, and base64 is that of RFC 4648, section 4 or 5, with or
// without padding. No error has a part of text.
func Parse(text string) (*Keyring, error) {
	var keys [][]byte
	for i, field := range strings.Split(text, ",") {
		field = strings.TrimRight(strings.TrimSpace(field), "=")
		secret, err := base64.RawStdEncoding.Strict().DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(field))
		if err != nil || strings.ContainsAny(field, "\r\n") { // which the decoder would skip
			return nil, fmt.Errorf("seal: the key at place %d is not in base64: %s", i+1, howToMakeOne)
		}
		keys = append(keys, secret)
	}
	return NewKeyring(keys...)
}

func newKey(secret []byte) (*key, error) {
	id, err1 := hkdf.Key(sha256.New, secret, nil, "myauth seal 1 key id", len(keyID{}))
	derived, err2 := hkdf.Key(sha256.New, secret, nil, "myauth seal 1 XAES-256-GCM", KeySize)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	x, err := newXAES(derived)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &key{id: keyID(id), seal: x.seal, open: x.open}, nil
}

func (k *Keyring) byID(id keyID) *key {
	i := slices.IndexFunc(k.keys, func(key key) bool { return key.id == id })
	if i < 0 {
		return nil
	}
	return &k.keys[i]
}

// Format writes the IDs of the keys, whatever the verb.
func (k Keyring) Format(f fmt.State, _ rune) {
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id.String()
	}
	fmt.Fprintf(f, "data keys [%s]", strings.Join(ids, " "))
}

const (
	version    = 1
	headerSize = 1 + len(keyID{})
	overhead   = headerSize + nonceSize + tagSize
)

// Seal encrypts plaintext with the first key. The result is 49 bytes longer, and different each
// time. Only an Open with the same context opens it, text by text. The context should say what
// the value is and where it stands: its type, the ID of its row and that of the user.
func (k *Keyring) Seal(plaintext []byte, context ...string) []byte {
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails
	return k.keys[0].sealed(nonce[:], plaintext, context)
}

func (k *key) sealed(nonce, plaintext []byte, context []string) []byte {
	b := make([]byte, 0, overhead+len(plaintext))
	b = append(append(b, version), k.id[:]...)
	additional := additionalData(b, context)
	b = append(b, nonce...)
	return k.seal(b, nonce, plaintext, additional)
}

// Open returns what was sealed with that context, and whether another key than the first had
// sealed it: then seal it anew when the row is next written. The error wraps [ErrUnknownKey] or
// [ErrInvalid].
func (k *Keyring) Open(sealed []byte, context ...string) (plaintext []byte, outdated bool, err error) {
	if len(sealed) < overhead {
		return nil, false, ErrInvalid
	}
	if sealed[0] != version {
		return nil, false, fmt.Errorf("%w, or sealed by a newer version of this package", ErrInvalid)
	}
	id := keyID(sealed[1:headerSize])
	key := k.byID(id)
	if key == nil {
		return nil, false, fmt.Errorf("%w: its ID is %v, and there are %v: put the key behind the others", ErrUnknownKey, id, k)
	}
	nonce, ciphertext := sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:]
	plaintext, err = key.open(nil, nonce, ciphertext, additionalData(sealed[:headerSize], context))
	if err != nil {
		return nil, false, ErrInvalid
	}
	return plaintext, id != k.keys[0].id, nil
}

// additionalData returns the header and each text behind its length.
func additionalData(header []byte, context []string) []byte {
	b := slices.Clone(header)
	for _, text := range context {
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}
