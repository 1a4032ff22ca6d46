package storebench

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// BenchmarkMemstore has no client beside the store, so the two forms are the same
// calls: their ratios say how far one may trust the others.
func BenchmarkMemstore(b *testing.B) {
	Run(b, func(*testing.B) Subject { return inMemory(memstore.New()) })
}

func inMemory(s *memstore.Store) Subject {
	users, tokens := s.Users(), s.Tokens()
	return Subject{
		Stores: conformance.Stores{Users: users, Tokens: tokens},
		Bare: Bare{
			UserByID: func(ctx context.Context, id string) error { _, err := users.ByID(ctx, id); return err },
			UserByEmail: func(ctx context.Context, key string) (bool, error) {
				_, err := users.ByEmail(ctx, key)
				if errors.Is(err, kit.ErrNotFound) {
					return false, nil
				}
				return err == nil, err
			},
			UserCreate:    users.Create,
			TokenByID:     func(ctx context.Context, id string) error { _, err := tokens.ByID(ctx, id); return err },
			TokenCreate:   tokens.Create,
			TokenUpdate:   tokens.Update,
			DeleteExpired: tokens.DeleteExpired,
		},
	}
}

// TestUses runs every use case in both forms, and looks whether it did its work
// and left the store as large as it was.
func TestUses(t *testing.T) {
	const users, operations = 100, 20
	for _, u := range uses {
		for _, bare := range []bool{false, true} {
			for _, callers := range []int{1, mostCallers} {
				c := &crowd{Subject: inMemory(memstore.New()), users: users}
				if err := c.fill(t.Context()); err != nil {
					t.Fatal(err)
				}
				s := &side{crowd: c, use: u, bare: bare}
				if u.prepare != nil {
					if err := u.prepare(t.Context(), c, operations); err != nil {
						t.Fatal(err)
					}
				}
				most := int(c.next.Load()) + operations + 1
				before := census(t, c, most)
				call := u.store
				if bare {
					call = u.bare
				}
				if err := s.operations(t.Context(), callers, operations, call); err != nil {
					t.Fatalf("%s, bare %v, %d callers: %v", u.name, bare, callers, err)
				}
				during := census(t, c, most)
				if (u.name == "me") != (during == before) {
					t.Errorf("%s, bare %v, %d callers: %+v became %+v", u.name, bare, callers, before, during)
				}
				if u.clean != nil {
					if err := u.clean(t.Context(), c, operations); err != nil {
						t.Fatal(err)
					}
				}
				after := census(t, c, most)
				if after.users != users || after.tokens != users {
					t.Errorf("%s, bare %v, %d callers: %d users and %d tokens are left of %d each", u.name, bare, callers, after.users, after.tokens, users)
				}
				if u.name == "refresh" && after.rotations != operations {
					t.Errorf("refresh, bare %v, %d callers: %d rotations, want %d", bare, callers, after.rotations, operations)
				}
			}
		}
	}
}

type count struct{ users, tokens, rotations int }

// census looks for every user and token with a number of up to most.
func census(t *testing.T, c *crowd, most int) count {
	t.Helper()
	var n count
	for i := range most {
		if _, err := c.Stores.Users.ByID(t.Context(), userID(i)); err == nil {
			n.users++
		}
		if token, err := c.Stores.Tokens.ByID(t.Context(), tokenID(i)); err == nil {
			n.tokens++
			n.rotations += int(token.Version - 1)
		}
	}
	return n
}

// TestFill adds in batches what Create would add one by one.
func TestFill(t *testing.T) {
	const users = 4500
	subject := inMemory(memstore.New())
	var batches []int
	subject.Fill = func(ctx context.Context, us []kit.User, ts []kit.Token) error {
		batches = append(batches, len(us))
		for i := range us {
			if err := subject.Stores.Users.Create(ctx, us[i]); err != nil {
				return err
			}
			if err := subject.Stores.Tokens.Create(ctx, ts[i]); err != nil {
				return err
			}
		}
		return nil
	}
	c := &crowd{Subject: subject, users: users}
	if err := c.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []int{2000, 2000, 500, 0}; !slices.Equal(batches, want) {
		t.Errorf("batches of %v, want %v", batches, want)
	}
	if n := census(t, c, 2*users); n.users != users || n.tokens != users {
		t.Errorf("there are %+v, want %d each", n, users)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string][]int{
		"":                {1000},
		"1000000":         {1000000},
		"1000000, 1000":   {1000, 1000000},
		"1000,16,1000,17": {16, 17, 1000},
	} {
		if got, err := parseSizes(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"15", "-1", "many", "1000,", ",", "1e6"} {
		if got, err := parseSizes(text); err == nil || !strings.Contains(err.Error(), "MYAUTH_BENCH_USERS") {
			t.Errorf("%q: %v, %v; want an error that names the variable", text, got, err)
		}
	}
}

// TestNamesAreAsLongAsReal: longer or shorter ones would cost an index more or less.
func TestNamesAreAsLongAsReal(t *testing.T) {
	if got := userID(1_000_000); len(got) != 36 || strings.Count(got, "-") != 4 {
		t.Errorf("user ID %q, want the form of a UUID", got)
	}
	if got := tokenID(1_000_000); len(got) != 22 {
		t.Errorf("token ID %q of %d bytes, want 22", got, len(got))
	}
	if got := email(7); got != "user7@example.com" {
		t.Errorf("address %q", got)
	}
}

// TestTypical: the extremes do not count, and between two kinds of turns it does not
// jump when one of them gets a turn more.
func TestTypical(t *testing.T) {
	for _, test := range []struct {
		turns []float64
		want  float64
	}{
		{[]float64{7}, 7},
		{[]float64{2, 4}, 3},
		{[]float64{1000, 3, 1, 2, 4, 5, 6, 0}, 3.5},
		{[]float64{90, 30, 90, 30, 90, 30, 90, 30}, 60},
	} {
		if got := (&side{turns: test.turns}).typical(); got != test.want {
			t.Errorf("%v: %v, want %v", test.turns, got, test.want)
		}
	}
}

// TestPurgeInVain: a call that finds nothing, since another purge was first, is made
// again; a store that never removes anything ends the benchmark.
func TestPurgeInVain(t *testing.T) {
	calls := 0
	everyOther := func(_ context.Context, _ time.Time, limit int) (int, error) {
		if calls++; calls%2 == 1 {
			return 0, nil
		}
		return min(limit, 300), nil
	}
	if err := purgeBy(t.Context(), everyOther); err != nil || calls != 8 {
		t.Errorf("%v after %d calls", err, calls)
	}
	nothing := func(context.Context, time.Time, int) (int, error) { return 0, nil }
	if err := purgeBy(t.Context(), nothing); err == nil {
		t.Error("a purge that removes nothing passes")
	}
}
