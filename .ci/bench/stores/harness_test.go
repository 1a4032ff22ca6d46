package stores

import (
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit/memstore"
)

// TestUses makes the calls of every use case, and looks whether each did its work and left
// the store as large as it was.
func TestUses(t *testing.T) {
	const users, operations = 100, 20
	for _, u := range uses {
		for _, callers := range []int{1, mostCallers} {
			c := &crowd{store: inMemory(), size: users}
			if err := c.populate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if u.prepare != nil {
				if err := u.prepare(t.Context(), c, operations); err != nil {
					t.Fatal(err)
				}
			}
			before := census(t, c)
			if err := (&side{crowd: c, use: u}).operations(t.Context(), callers, operations); err != nil {
				t.Fatalf("%s, %d callers: %v", u.name, callers, err)
			}
			during := census(t, c)
			if (u.name == "me") != (during == before) {
				t.Errorf("%s, %d callers: %+v became %+v", u.name, callers, before, during)
			}
			if u.clean != nil {
				if err := u.clean(t.Context(), c, operations); err != nil {
					t.Fatal(err)
				}
			}
			want := count{users: users, tokens: users}
			if u.name == "refresh" || u.name == "logout" {
				want.changes = operations
			}
			if after := census(t, c); after != want {
				t.Errorf("%s, %d callers: %+v are left, want %+v", u.name, callers, after, want)
			}
		}
	}
}

// TestPages asks for every page that is measured: each is full.
func TestPages(t *testing.T) {
	const users = 300
	listed := memstore.New().Users()
	if err := createUsers(listed)(t.Context(), users); err != nil {
		t.Fatal(err)
	}
	for _, u := range pageUses {
		if err := u.call(t.Context(), &crowd{store: store{pages: listed}, size: users}, 0); err != nil {
			t.Errorf("%s: %v", u.name, err)
		}
	}
}

type count struct{ users, tokens, changes int }

// census looks for every user and token that may be there.
func census(t *testing.T, c *crowd) count {
	t.Helper()
	var n count
	for i := range int(c.next.Load()) + 1 {
		if _, err := c.users.ByID(t.Context(), userID(i)); err == nil {
			n.users++
		}
		if token, err := c.tokens.ByID(t.Context(), tokenID(i)); err == nil {
			n.tokens++
			n.changes += int(token.Version - 1)
		}
	}
	return n
}

func TestSizes(t *testing.T) {
	for text, want := range map[string][]int{"": {1000}, "1000000, 1000": {1000, 1000000}, "1000,16,1000,17": {16, 17, 1000}} {
		if got, err := parseSizes(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"15", "many", "1000,"} {
		if got, err := parseSizes(text); err == nil || !strings.Contains(err.Error(), "MYAUTH_BENCH_USERS") {
			t.Errorf("%q: %v, %v; want an error that names the variable", text, got, err)
		}
	}
}

// The extremes do not count, and between two kinds of turns the mean does not jump when one
// of them gets a turn more.
func TestTypical(t *testing.T) {
	for _, test := range []struct {
		turns []float64
		want  float64
	}{
		{[]float64{7}, 7},
		{[]float64{1000, 3, 1, 2, 4, 5, 6, 0}, 3.5},
		{[]float64{90, 30, 90, 30, 90, 30, 90, 30}, 60},
	} {
		if got := (&side{turns: test.turns}).typical(); got != test.want {
			t.Errorf("%v: %v, want %v", test.turns, got, test.want)
		}
	}
}
