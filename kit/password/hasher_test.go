package password

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit/internal/turns"
)

// testHasher writes down the rounds of each digest that it computes.
type testHasher struct {
	*Hasher
	t      testing.TB
	rounds []int
}

func newTestHasher(t testing.TB, cost int) *testHasher {
	t.Helper()
	h, err := NewHasher(&Options{Cost: cost})
	if err != nil {
		t.Fatal(err)
	}
	th := &testHasher{Hasher: h, t: t}
	h.digest = func(ctx context.Context, key []byte, salt [saltSize]byte, rounds int) ([digestSize]byte, error) {
		th.rounds = append(th.rounds, rounds)
		if len(key) > maxKey || bytes.IndexByte(key, 0) >= 0 {
			t.Errorf("bcrypt is given a key of %d bytes, or with a NUL", len(key))
		}
		return bcryptDigest(ctx, key, salt, rounds)
	}
	return th
}

func (h *testHasher) hash(password string) string {
	h.t.Helper()
	s, err := h.Hash(h.t.Context(), password)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *testHasher) matches(hash, password string) Match {
	h.t.Helper()
	m, err := h.Verify(h.t.Context(), hash, password)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

func TestHashAndVerify(t *testing.T) {
	h := newTestHasher(t, 4)
	for _, p := range []string{
		"", "password", " spaces around ", "ünïcödé 😀 パスワード", strings.Repeat("a", 64), strings.Repeat("b", 71), strings.Repeat("b", 72),
		strings.Repeat("c", 73), strings.Repeat("x", 99) + "y", strings.Repeat("😀", 128), "p\x00q", "\x00", strings.Repeat("z", 1<<16),
	} {
		s := h.hash(p)
		if h.hash(p) == s {
			t.Error("two hashes of one password are the same")
		}
		if m := h.matches(s, p); m != (Match{OK: true}) {
			t.Errorf("%d bytes: %+v against their own hash", len(p), m)
		}
		whole := len(p) <= 72 && !strings.Contains(p, "\x00")
		if !strings.HasPrefix(s, map[bool]string{true: "$2b$04$", false: "$bcrypt-sha256$v=2,t=2b,r=4$"}[whole]) {
			t.Errorf("%d bytes became %.20s…", len(p), s)
		}
		wrong := []string{p + "x", p + "\x00", p + "\x00x", " " + p, p + " ", strings.ToUpper(p) + "."}
		for _, i := range []int{0, 55, 71, 72, len(p) - 1} {
			if 0 <= i && i < len(p) {
				wrong = append(wrong, p[:i], p[:i]+string([]byte{p[i] ^ 1})+p[i+1:])
			}
		}
		for _, w := range wrong {
			if m := h.matches(s, w); m != (Match{}) {
				t.Errorf("%d bytes: %d others gave %+v", len(p), len(w), m)
			}
		}
	}
}

// TestRefusalsCostTheSame: whatever the reason, the rounds of one comparison at the
// configured cost.
func TestRefusalsCostTheSame(t *testing.T) {
	const right = "right password"
	h := newTestHasher(t, 6)
	good, older := h.hash(right), newTestHasher(t, 4).hash(right)
	long := h.hash(strings.Repeat("l", 100))
	for name, c := range map[string]struct {
		hash, password string
		rounds         []int
	}{
		"wrong":                    {good, "wrong password", []int{64}},
		"another case":             {good, "Right password", []int{64}},
		"empty":                    {good, "", []int{64}},
		"right, and a space":       {good, right + " ", []int{64}},
		"right, and much more":     {good, right + strings.Repeat("x", 5000), []int{64}},
		"right, and a NUL":         {good, right + "\x00", []int{64}},
		"right, a NUL, right":      {good, right + "\x00" + right, []int{64}},
		"last of 100 changed":      {long, strings.Repeat("l", 99) + "m", []int{64}},
		"Django's, wrong":          {"bcrypt$" + good, "wrong password", []int{64}},
		"Django's, a space more":   {"bcrypt$" + good, right + " ", []int{64}},
		"Django's SHA-256, wrong":  {"bcrypt_sha256$" + good, right, []int{64}},
		"WordPress's, wrong":       {"$wp" + good, right, []int{64}},
		"WordPress's, older":       {"$wp" + older, right, []int{16, 48}},
		"no hash":                  {"", right, []int{64}},
		"no hash, long":            {"", strings.Repeat("x", 5000), []int{64}},
		"corrupt":                  {good[:59], right, []int{64}},
		"another kind":             {"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$hash", right, []int{64}},
		"cost 31":                  {"$2b$31" + good[6:], right, []int{64}},
		"cost 17":                  {"$2b$17" + good[6:], right, []int{64}},
		"cost 3":                   {"$2b$03" + good[6:], right, []int{64}},
		"the password itself":      {right, right, []int{64}},
		"older hash":               {older, "wrong password", []int{16, 48}},
		"older hash, much more":    {older, right + strings.Repeat("x", 5000), []int{16, 48}},
		"older hash, and a NUL":    {older, right + "\x00", []int{16, 48}},
		"older hash of passlib v1": {"$bcrypt-sha256$2b,4$NPz4geueAa3wTP.jPRgJ8u$Na.RIP5npgoqaxMfIrGnOfD65I3JgEi", right, []int{16, 48}},
	} {
		h.rounds = nil
		if m := h.matches(c.hash, c.password); m != (Match{}) {
			t.Errorf("%s: %+v", name, m)
		}
		if !slices.Equal(h.rounds, c.rounds) {
			t.Errorf("%s: %v rounds, want %v", name, h.rounds, c.rounds)
		}
	}
	h.rounds = nil
	if h.matches(older, right); !slices.Equal(h.rounds, []int{16}) {
		t.Errorf("a match with an older hash: %v rounds", h.rounds)
	}
}

// TestDummyMatchesNothing even for a password that has its digest.
func TestDummyMatchesNothing(t *testing.T) {
	h := newTestHasher(t, 4)
	h.digest = func(context.Context, []byte, [saltSize]byte, int) ([digestSize]byte, error) {
		return h.dummy.digest, nil
	}
	for _, hash := range []string{"", "corrupt"} {
		if m := h.matches(hash, "x"); m.OK {
			t.Errorf("%q matches", hash)
		}
	}
	// And what bcrypt would cut off matches no plain hash, whatever its digest.
	if m := h.matches(h.dummy.text(), strings.Repeat("x", 73)); m.OK {
		t.Error("73 bytes match")
	}
}

func TestNewHasherComputesNothing(t *testing.T) {
	h := newTestHasher(t, 16)
	if len(h.rounds) != 0 || h.dummy.cost != 16 || h.dummy.digest == [digestSize]byte{} || h.dummy.salt == newTestHasher(t, 16).dummy.salt {
		t.Error("the dummy hash is not of the configured cost and at random")
	}
}

func TestNeedsRehash(t *testing.T) {
	four, five := newTestHasher(t, 4), newTestHasher(t, 5)
	for _, v := range vectors {
		e, _ := parse(v.hash)
		for cost, h := range map[int]*testHasher{4: four, 5: five} {
			want := Match{OK: true, NeedsRehash: e.cost != cost || !slices.Contains([]scheme{plain, sha256v2}, e.scheme)}
			if got := h.matches(v.hash, v.password); got != want {
				t.Errorf("%s at cost %d: %+v, want %+v", v.hash, cost, got, want)
			}
		}
	}
	if m := four.matches(five.hash("p"), "p"); m != (Match{OK: true, NeedsRehash: true}) {
		t.Errorf("a hash of a higher cost: %+v", m)
	}
	if m := four.matches("$2a"+four.hash("p")[3:], "p"); m != (Match{OK: true}) {
		t.Errorf("$2a$ at the configured cost: %+v", m)
	}
}

// TestCallersThatGo: one that waits, one that computes, and one that came too late.
func TestCallersThatGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := NewHasher(&Options{Cost: 12, MaxConcurrent: 1, MaxQueue: 2, MaxWait: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		h.digest = func(ctx context.Context, key []byte, salt [saltSize]byte, rounds int) ([digestSize]byte, error) {
			<-ctx.Done() // the caller goes while it computes
			return bcryptDigest(ctx, key, salt, rounds)
		}
		working, finish := context.WithCancel(t.Context())
		waiting, leave := context.WithCancel(t.Context())
		errs := make(chan error, 3)
		go func() { _, err := h.Hash(working, "p"); errs <- err }()
		synctest.Wait()
		go func() { _, err := h.Verify(waiting, "", "p"); errs <- err }()
		synctest.Wait()
		leave()
		if err := <-errs; err != context.Canceled {
			t.Error("one that waited:", err)
		}
		if _, err := h.Verify(t.Context(), "", "p"); err != ErrBusy {
			t.Error("one that waited too long:", err)
		}
		if s := h.Stats(); s != (Stats{Running: 1, Admitted: 1, Refused: 1}) {
			t.Errorf("stats are %+v", s)
		}
		finish()
		if err := <-errs; err != context.Canceled {
			t.Error("one that was computing:", err)
		}
		synctest.Wait()
		if s := h.Stats(); s != (Stats{Admitted: 1, Refused: 1}) {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

// TestAWrongGuessIsOne, also when its caller leaves after the comparison, during the work that
// makes it last as long as any: else who leaves in time would guess without being counted.
func TestAWrongGuessIsOne(t *testing.T) {
	old := newTestHasher(t, 4).hash("right")
	h := newTestHasher(t, 6)
	ctx, leave := context.WithCancel(t.Context())
	h.digest = func(ctx context.Context, key []byte, salt [saltSize]byte, rounds int) ([digestSize]byte, error) {
		if rounds != 1<<4 {
			leave()
		}
		return bcryptDigest(ctx, key, salt, rounds)
	}
	if m, err := h.Verify(ctx, old, "wrong"); m.OK || err != nil || ctx.Err() == nil {
		t.Errorf("Verify returned %+v, %v", m, err)
	}
}

func TestPanicGivesTheTurnBack(t *testing.T) {
	h := newTestHasher(t, 4)
	h.digest = func(context.Context, []byte, [saltSize]byte, int) ([digestSize]byte, error) { panic("broken") }
	for _, call := range []func(){func() { h.hash("p") }, func() { h.matches("", "p") }} {
		func() {
			defer func() { recover() }()
			call()
		}()
	}
	if s := h.Stats(); s != (Stats{Admitted: 2}) {
		t.Errorf("a turn was lost: %+v", s)
	}
}

func TestNewHasherChecksItsOptions(t *testing.T) {
	for field, o := range map[string]Options{
		"Cost": {Cost: 3}, "Cost ": {Cost: 17}, " Cost": {Cost: -1}, "MaxConcurrent": {MaxConcurrent: -1}, "MaxQueue": {MaxQueue: -1}, "MaxWait": {MaxWait: -1},
	} {
		if _, err := NewHasher(&o); err == nil || !strings.Contains(err.Error(), "Options."+strings.TrimSpace(field)) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	h, err := NewHasher(nil)
	places := 0
	for full := false; !full; places++ {
		_, _, full = h.gate.waiting.Push(turns.Source{}, &waiter{})
	}
	if err != nil || h.cost != 12 || places-1 != 64*h.gate.concurrent || h.gate.concurrent < 1 || h.gate.maxWait != 5*time.Second {
		t.Errorf("the defaults are %+v, %v", h.gate, err)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	h := newTestHasher(t, 4)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{h.Hasher, struct{ H *Hasher }{h.Hasher}} {
			if got := fmt.Sprintf(verb, v); !strings.Contains(got, "hasher of cost 4") && !strings.Contains(got, "0x") || strings.Contains(got, "$2b$") {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	stored := h.hash("hunter2 and more")
	for _, hash := range []string{stored, "", stored[:40]} {
		if _, err := h.Verify(gone, hash, "hunter2 and more"); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "$2") {
			t.Error(err)
		}
	}
}
