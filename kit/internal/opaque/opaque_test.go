package opaque

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// What was made earlier sorts before what was made later, in the store too, where the
// text is compared byte by byte; and what was made together has nothing else in common.
func TestRowIDsSortByTime(t *testing.T) {
	at := time.Date(2026, 11, 5, 12, 30, 0, 0, time.UTC)
	var ids []string
	for _, later := range []time.Duration{
		0, time.Millisecond, 2 * time.Millisecond, 40 * time.Millisecond, time.Second, 4 * time.Second, time.Minute, 5 * time.Minute,
		time.Hour, 5 * time.Hour, 7 * 24 * time.Hour, 3 * 365 * 24 * time.Hour, 200 * 365 * 24 * time.Hour,
	} {
		ids = append(ids, New(at.Add(later)).RowID())
	}
	if !slices.IsSorted(ids) {
		t.Errorf("not in the order of time: %q", ids)
	}

	const made = 1000
	seen := map[string]bool{}
	var common, either [idSize]byte
	for i := range made {
		token := New(at)
		if i == 0 {
			common = token.id
		}
		for k, b := range token.id {
			common[k] &= b
			either[k] |= b
		}
		id := token.RowID()
		if seen[id] || len(id) != 22 || strings.Trim(id, "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			t.Fatalf("the ID %q", id)
		}
		seen[id] = true
	}
	for k := timeSize; k < idSize; k++ {
		if common[k] != 0 || either[k] != 0xff {
			t.Errorf("byte %d is not random: of %d, all have %08b and none has more than %08b", k, made, common[k], either[k])
		}
	}
}

// Every byte of a secret is random: a token of fewer bits would pass all other tests.
func TestSecretsAreRandom(t *testing.T) {
	for name, draw := range map[string]func() []byte{
		"secret": func() []byte { s := New(time.Time{}).secret; return s[:] },
		"salt":   NewSalt,
	} {
		first := draw()
		if len(first) != 32 {
			t.Errorf("%s: %d bytes, want 32", name, len(first))
		}
		all, any := slices.Clone(first), slices.Clone(first)
		const draws = 1000
		for range draws {
			for i, b := range draw() {
				all[i] &= b
				any[i] |= b
			}
		}
		for i := range first {
			if all[i] != 0 || any[i] != 0xff {
				t.Errorf("%s: byte %d is not random: in %d draws, bits %08b were always set and %08b never", name, i, draws, all[i], ^any[i])
			}
		}
	}
}

// TestSuccessorDependsOnAllOfSecretAndSalt: the store has the salt, and nobody without the secret can
// derive the successor from it.
func TestSuccessorDependsOnAllOfSecretAndSalt(t *testing.T) {
	token, salt := New(time.Time{}), NewSalt()
	next := token.Successor(salt)
	if next.id != token.id || next != token.Successor(slices.Clone(salt)) {
		t.Error("the same secret and salt have another successor")
	}
	// A row holds what salt it may, so the secret counts beside any.
	for _, salt := range [][]byte{salt, nil, bytes.Repeat(salt, 3)} {
		next := token.Successor(salt)
		for i := range secretSize {
			other := token
			other.secret[i]++
			if other.Successor(salt) == next {
				t.Errorf("beside %d bytes of salt, another byte %d of the secret changes nothing", len(salt), i)
			}
		}
	}
	for i := range salt {
		salt[i]++
		if token.Successor(salt) == next {
			t.Errorf("another byte %d of the salt changes nothing", i)
		}
		salt[i]--
	}
}

// FuzzParse: what parses is spelled exactly as it would be encoded.
func FuzzParse(f *testing.F) {
	const prefix = "myauth_rt_"
	f.Add(New(time.Now()).Encode(prefix))
	f.Add(prefix + strings.Repeat("A", 68))
	f.Fuzz(func(t *testing.T, s string) {
		if token, ok := Parse(prefix, s); ok && token.Encode(prefix) != s {
			t.Errorf("%q parses and encodes to something else", s)
		}
	})
}
