package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// secret returns a key that differs for each name.
func secret(name string) []byte {
	return []byte(name + strings.Repeat("-", KeySize-len(name)))
}

// TestVectors opens what another implementation has sealed, and refuses what it has spoiled.
// Each vector fails for one reason.
func TestVectors(t *testing.T) {
	var vectors []struct {
		Name, Sealed, Plaintext, Result string
		Keys, Context                   []string
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/vectors.json")), &vectors); err != nil || len(vectors) == 0 {
		t.Fatal(err)
	}
	for _, v := range vectors {
		var keys [][]byte
		for _, key := range v.Keys {
			keys = append(keys, must(hex.DecodeString(key)))
		}
		k, sealed := must(NewKeyring(keys...)), must(hex.DecodeString(v.Sealed))
		plaintext, outdated, err := k.Open(sealed, v.Context...)
		result := "opened"
		switch {
		case errors.Is(err, ErrUnknownKey):
			result = "unknown key"
		case errors.Is(err, ErrInvalid):
			result = "invalid"
		case err != nil:
			t.Errorf("%s: %v", v.Name, err)
		case outdated:
			result = "outdated"
		}
		if result != v.Result || hex.EncodeToString(plaintext) != v.Plaintext || err != nil && (plaintext != nil || outdated) {
			t.Errorf("%s: %s %x, want %s %s", v.Name, result, plaintext, v.Result, v.Plaintext)
		}
		if v.Result == "opened" {
			nonce := sealed[headerSize : headerSize+nonceSize]
			if got := k.keys[0].sealed(nonce, plaintext, v.Context); !bytes.Equal(got, sealed) {
				t.Errorf("%s: sealed as %x", v.Name, got)
			}
		}
	}
}

// Every bit counts, and every byte.
func TestSpoiled(t *testing.T) {
	k := must(NewKeyring(secret("a")))
	sealed := k.Seal([]byte("JBSWY3DPEHPK3PXP"), "totp", "row", "user")
	if len(sealed) != len("JBSWY3DPEHPK3PXP")+overhead || overhead != 49 {
		t.Errorf("%d bytes", len(sealed))
	}
	for i := range len(sealed) * 8 {
		b := bytes.Clone(sealed)
		b[i/8] ^= 1 << (i % 8)
		if plaintext, _, err := k.Open(b, "totp", "row", "user"); err == nil || plaintext != nil {
			t.Errorf("bit %d may be another", i)
		}
	}
	for i := range sealed {
		if _, _, err := k.Open(sealed[:i], "totp", "row", "user"); !errors.Is(err, ErrInvalid) {
			t.Errorf("%d bytes: %v", i, err)
		}
	}
}

// A new key in front, the old one behind it, and then gone.
func TestRotation(t *testing.T) {
	before := must(NewKeyring(secret("old")))
	sealed := before.Seal([]byte("x"), "row")
	between := must(NewKeyring(secret("new"), secret("old")))
	plaintext, outdated, err := between.Open(sealed, "row")
	if string(plaintext) != "x" || !outdated || err != nil {
		t.Fatalf("%q, %v, %v", plaintext, outdated, err)
	}
	anew := between.Seal(plaintext, "row")
	after := must(NewKeyring(secret("new")))
	for _, k := range []*Keyring{between, after} {
		if plaintext, outdated, err = k.Open(anew, "row"); string(plaintext) != "x" || outdated || err != nil {
			t.Errorf("%v: %q, %v, %v", k, plaintext, outdated, err)
		}
	}
	_, _, err = after.Open(sealed, "row")
	if !errors.Is(err, ErrUnknownKey) || !strings.Contains(err.Error(), before.keys[0].id.String()) {
		t.Errorf("%v", err)
	}
}

// The same value twice is sealed in two ways, by two nonces and two keys.
func TestSealIsRandom(t *testing.T) {
	k := must(NewKeyring(secret("a")))
	seen := map[string]bool{}
	for range 1000 {
		nonce := string(k.Seal([]byte("x"))[headerSize : headerSize+nonceSize])
		if seen[nonce] {
			t.Fatal("a nonce came twice")
		}
		seen[nonce] = true
	}
}

func TestConcurrentSafe(t *testing.T) {
	k := must(NewKeyring(secret("a"), secret("b")))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 20 {
				text := fmt.Sprint(i, j)
				if got, _, err := k.Open(k.Seal([]byte(text), text), text); err != nil || string(got) != text {
					t.Errorf("%s: %q, %v", text, got, err)
				}
			}
		})
	}
	wg.Wait()
}

// A keyring keeps nothing of what the caller can change.
func TestKeysAreCopied(t *testing.T) {
	key := secret("a")
	k := must(NewKeyring(key))
	sealed := k.Seal([]byte("x"))
	clear(key)
	if _, outdated, err := must(NewKeyring(secret("a"))).Open(k.Seal([]byte("x"))); outdated || err != nil {
		t.Error(err)
	}
	if _, _, err := k.Open(sealed); err != nil {
		t.Error(err)
	}
}

func TestRefusedKeys(t *testing.T) {
	for name, keys := range map[string][][]byte{
		"none":           {},
		"nil":            {nil},
		"31 bytes":       {secret("a")[:31]},
		"33 bytes":       {append(secret("a"), 'x')},
		"the second bad": {secret("a"), secret("b")[:16]},
		"zeros":          {make([]byte, KeySize)},
		"twice":          {secret("a"), secret("b"), secret("a")},
	} {
		if k, err := NewKeyring(keys...); err == nil || k != nil || strings.Contains(err.Error(), "a---") || !strings.HasPrefix(err.Error(), "seal: ") {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

func TestParse(t *testing.T) {
	a, b := []byte("\xff\xfe?>\xfb first key of this test ..."), secret("b")
	std, url := base64.StdEncoding, base64.URLEncoding
	want := fmt.Sprint(must(NewKeyring(a, b)))
	for _, text := range []string{
		std.EncodeToString(a) + "," + std.EncodeToString(b),
		url.EncodeToString(a) + "," + url.EncodeToString(b),
		" " + strings.TrimRight(std.EncodeToString(a), "=") + " ,\n\t" + strings.TrimRight(url.EncodeToString(b), "=") + "\n",
	} {
		if k, err := Parse(text); err != nil || fmt.Sprint(k) != want {
			t.Errorf("%s: %v, %v", text, k, err)
		}
	}
	for _, text := range []string{
		"", ",", std.EncodeToString(a) + ",", "secretsecret", "secret not in base64 !",
		std.EncodeToString(a)[:20] + "\n" + std.EncodeToString(a)[20:],
		hex.EncodeToString(a), std.EncodeToString(a) + " " + std.EncodeToString(b),
		std.EncodeToString(a) + "," + std.EncodeToString(a), std.EncodeToString(a) + "=A",
	} {
		if k, err := Parse(text); err == nil || k != nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "/f4") {
			t.Errorf("%q: %v, %v", text, k, err)
		}
	}
}

// Neither the keys nor what is derived from them, under any verb, wherever the keyring is.
func TestNoKeyIsPrinted(t *testing.T) {
	k := must(NewKeyring(secret("hidden"), secret("other")))
	type inside struct {
		keys  *Keyring
		plain Keyring
		list  []key
	}
	values := []any{k, *k, []*Keyring{k}, inside{k, *k, k.keys}, &inside{k, *k, k.keys}, k.keys[0], &k.keys[0]}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range values {
			text := fmt.Sprintf(verb, v)
			for _, form := range []string{"hidden", hex.EncodeToString([]byte("hidden")), "104 105 100 100 101 110", "k1", "enc"} {
				if strings.Contains(text, form) {
					t.Errorf("%s of %T: %s", verb, v, text)
				}
			}
		}
		if got := fmt.Sprintf(verb, k); got != "data keys ["+k.keys[0].id.String()+" "+k.keys[1].id.String()+"]" {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// FuzzOpen: of all the bytes there are, only those that were sealed here open, and only with
// their context.
func FuzzOpen(f *testing.F) {
	k := must(NewKeyring(secret("a"), secret("b")))
	ours := map[string]string{}
	for _, key := range k.keys {
		for _, text := range []string{"", "x", "JBSWY3DPEHPK3PXP"} {
			sealed := key.sealed(bytes.Repeat([]byte("n"), nonceSize), []byte(text), []string{"totp", "row"})
			ours[string(sealed)] = text
			f.Add(sealed, "totp", "row")
			f.Add(sealed, "totpr", "ow")
			f.Add(sealed[:len(sealed)-1], "totp", "row")
		}
	}
	f.Add([]byte{version}, "", "")
	f.Fuzz(func(t *testing.T, sealed []byte, one, two string) {
		given := bytes.Clone(sealed)
		plaintext, _, err := k.Open(sealed, one, two)
		text, sealedHere := ours[string(sealed)]
		if want := sealedHere && one == "totp" && two == "row"; (err == nil) != want || err == nil && string(plaintext) != text {
			t.Errorf("%x for %q and %q: %q, %v", sealed, one, two, plaintext, err)
		}
		if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrUnknownKey) {
			t.Error(err)
		}
		if !bytes.Equal(given, sealed) {
			t.Error("Open has changed its argument")
		}
	})
}

// FuzzContext: two contexts have the same additional data only if they are the same.
func FuzzContext(f *testing.F) {
	f.Add("a", "b", "ab", "")
	f.Add("a\x00", "b", "a", "\x00b")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		one, two := additionalData(nil, []string{a, b}), additionalData(nil, []string{c, d})
		if bytes.Equal(one, two) != (a == c && b == d) {
			t.Errorf("%q and %q", []string{a, b}, []string{c, d})
		}
		if bytes.Equal(one, additionalData(nil, []string{a + b})) || bytes.Equal(one, additionalData(nil, []string{a, b, c})) {
			t.Errorf("%q is also another list", []string{a, b})
		}
	})
}
