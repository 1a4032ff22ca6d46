package password

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// newTestHasher counts the bcrypt digests that it computes, with their costs.
func newTestHasher(t testing.TB, cost int) (*Hasher, *[]int) {
	t.Helper()
	h, err := NewHasher(Options{Cost: cost})
	if err != nil {
		t.Fatal(err)
	}
	var costs []int
	inner := h.digest
	h.digest = func(key []byte, cost int, salt [saltSize]byte) [digestSize]byte {
		costs = append(costs, cost)
		if len(key) > maxKey || strings.IndexByte(string(key), 0) >= 0 && cost > 5 {
			t.Errorf("bcrypt was given %d bytes", len(key))
		}
		return inner(key, cost, salt)
	}
	return h, &costs
}

func hash(t testing.TB, h *Hasher, password string) string {
	t.Helper()
	s, err := h.Hash(context.Background(), password)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func matches(t testing.TB, h *Hasher, hash, password string) Match {
	t.Helper()
	m, err := h.Verify(context.Background(), hash, password)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestHashAndVerify(t *testing.T) {
	h, _ := newTestHasher(t, 4)
	long := strings.Repeat("x", 99)
	for _, p := range []string{
		"password", " spaces around ", "ünïcödé 😀 パスワード", strings.Repeat("a", 64), strings.Repeat("b", 72), strings.Repeat("c", 73),
		long + "y", strings.Repeat("😀", 128), "",
	} {
		s := hash(t, h, p)
		if again := hash(t, h, p); again == s {
			t.Error("two hashes of one password are the same")
		}
		if m := matches(t, h, s, p); !m.OK || m.NeedsRehash {
			t.Errorf("%d bytes: %+v against their own hash", len(p), m)
		}
		for _, wrong := range []string{p + "x", p + "\x00", " " + p, strings.ToUpper(p) + ".", p + " "} {
			if matches(t, h, s, wrong).OK {
				t.Errorf("%d bytes: another password matched", len(p))
			}
		}
		if plain := strings.HasPrefix(s, "$2b$04$"); plain != (len(p) <= 72) {
			t.Errorf("%d bytes became %.20s…", len(p), s)
		}
	}
	if matches(t, h, hash(t, h, long+"y"), long+"z").OK {
		t.Error("the last of 100 characters does not count")
	}
	nul := hash(t, h, "p\x00q")
	if !matches(t, h, nul, "p\x00q").OK || matches(t, h, nul, "p\x00r").OK || matches(t, h, nul, "p").OK {
		t.Error("what follows a NUL does not count")
	}
}

// TestAgainstBcrypt holds the digest against x/crypto's in both directions.
func TestAgainstBcrypt(t *testing.T) {
	h, _ := newTestHasher(t, 5)
	for _, n := range []int{0, 1, 8, 31, 55, 56, 57, 70, 71, 72} {
		p := strings.Repeat("é~", 36)[:n]
		ours := hash(t, h, p)
		if err := bcrypt.CompareHashAndPassword([]byte(ours), []byte(p)); err != nil {
			t.Fatalf("%d bytes: x/crypto refuses our hash: %v", n, err)
		}
		theirs, err := bcrypt.GenerateFromPassword([]byte(p), 4)
		if err != nil {
			t.Fatal(err)
		}
		if m := matches(t, h, string(theirs), p); !m.OK || !m.NeedsRehash {
			t.Fatalf("%d bytes: x/crypto's hash at cost 4 gives %+v", n, m)
		}
	}
}

// The vectors are those of OpenBSD's and John the Ripper's test suites, and of
// passlib's documentation.
func TestPublishedVectors(t *testing.T) {
	h, _ := newTestHasher(t, 12)
	for _, v := range []struct {
		hash, password string
		rehash         bool
	}{
		{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true},
		{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*", true},
		{"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U", true},
		{"$2y$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", "", true},
		{"$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", "password", false},
		{"$bcrypt-sha256$2a,12$LrmaIX5x4TRtAwEfwJZa1.$2ehnw6LvuIUTM0iz4iz9hTxv21B6KFO", "password", true},
	} {
		if m := matches(t, h, v.hash, v.password); !m.OK || m.NeedsRehash != v.rehash {
			t.Errorf("%s: %+v, want a match that needs a rehash: %v", v.hash, m, v.rehash)
		}
	}
}

// TestRefusalsCostTheSame: whatever the reason, one digest at the configured cost.
func TestRefusalsCostTheSame(t *testing.T) {
	h, costs := newTestHasher(t, 5)
	good := hash(t, h, "right password")
	for name, c := range map[string][2]string{
		"wrong":         {good, "wrong password"},
		"right, longer": {good, "right password" + strings.Repeat("x", 100)},
		"NUL":           {good, "right password\x00"},
		"empty hash":    {"", "right password"},
		"corrupt":       {good[:59], "right password"},
		"another kind":  {"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$hash", "right password"},
		"cost 31":       {"$2b$31" + good[6:], "right password"},
		"cost 3":        {"$2b$03" + good[6:], "right password"},
		"plain text":    {"right password", "right password"},
	} {
		*costs = nil
		if matches(t, h, c[0], c[1]).OK {
			t.Errorf("%s: matched", name)
		}
		if fmt.Sprint(*costs) != "[5]" {
			t.Errorf("%s: digests at cost %v, want one at 5", name, *costs)
		}
	}
	cheap, err := bcrypt.GenerateFromPassword([]byte("right password"), 4)
	if err != nil {
		t.Fatal(err)
	}
	*costs = nil
	if matches(t, h, string(cheap), "wrong").OK || fmt.Sprint(*costs) != "[4 4]" {
		t.Errorf("a hash at cost 4: digests at %v, want two at 4, the work of one at 5", *costs)
	}
	*costs = nil
	if !matches(t, h, string(cheap), "right password").OK || fmt.Sprint(*costs) != "[4]" {
		t.Errorf("the right password: digests at %v", *costs)
	}
	*costs = nil
	if err := h.VerifyNobody(context.Background(), "x"); err != nil || fmt.Sprint(*costs) != "[5]" {
		t.Errorf("nobody: %v, digests at cost %v", err, *costs)
	}
}

func TestNewHasherChecksItsOptions(t *testing.T) {
	for _, o := range []Options{{Cost: 3}, {Cost: 17}, {Cost: -1}, {MaxConcurrent: -1}, {MaxQueue: -1}, {MaxWait: -1}} {
		if _, err := NewHasher(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	h, err := NewHasher(Options{})
	if err != nil || h.cost != 12 {
		t.Errorf("the default is %v, %v", h, err)
	}
}

func TestHasherPrintsNoSecret(t *testing.T) {
	h, _ := newTestHasher(t, 4)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, h); got != "hasher of cost 4" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

// FuzzVerify: no string is a hash by accident, none panics, and one that is read is
// written back the same.
func FuzzVerify(f *testing.F) {
	f.Add("$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
	f.Add("$bcrypt-sha256$v=2,t=2b,r=4$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2")
	f.Add("$bcrypt-sha256$2a,4$LrmaIX5x4TRtAwEfwJZa1.$2ehnw6LvuIUTM0iz4iz9hTxv21B6KFO")
	f.Add("$2b$99$")
	h, err := NewHasher(Options{Cost: 4})
	if err != nil {
		f.Fatal(err)
	}
	h.digest = func([]byte, int, [saltSize]byte) (d [digestSize]byte) { return d }
	f.Fuzz(func(t *testing.T, s string) {
		m, err := h.Verify(context.Background(), s, "password")
		e, ok := parse(s)
		if err != nil || m.OK && (!ok || e.digest != [digestSize]byte{}) {
			t.Errorf("%q: %+v, %v", s, m, err)
		}
		if ok {
			if again, ok := parse(e.String()); !ok || again.salt != e.salt || again.digest != e.digest || again.cost != e.cost {
				t.Errorf("%q is written as %q", s, e.String())
			}
		}
	})
}
