package seal

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"
)

// The two vectors of c2sp.org/XAES-256-GCM: each takes another way through the subkey K1.
func TestXAESVectors(t *testing.T) {
	for _, v := range []struct {
		key              byte
		additional, want string
	}{
		{0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x, err := newXAES(bytes.Repeat([]byte{v.key}, KeySize))
		if err != nil {
			t.Fatal(err)
		}
		nonce, plaintext := []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM")
		if got := hex.EncodeToString(x.seal(nil, nonce, plaintext, []byte(v.additional))); got != v.want {
			t.Errorf("key %d: %s, want %s", v.key, got, v.want)
		}
	}
}

// The accumulated vector of the same page: ten thousand keys, nonces, texts and additional data.
func TestXAESAccumulated(t *testing.T) {
	input, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		input.Read(b)
		return b
	}
	for range 10_000 {
		x, err := newXAES(read(KeySize))
		if err != nil {
			t.Fatal(err)
		}
		nonce := read(nonceSize)
		plaintext := read(int(read(1)[0]))
		additional := read(int(read(1)[0]))
		ciphertext := x.seal(nil, nonce, plaintext, additional)
		opened, err := x.open(nil, nonce, ciphertext, additional)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatal("what was sealed does not open")
		}
		sum.Write(ciphertext)
	}
	got := make([]byte, 32)
	sum.Read(got)
	if want := "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"; hex.EncodeToString(got) != want {
		t.Errorf("%x, want %s", got, want)
	}
}
