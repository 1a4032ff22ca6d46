package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// The contract as a whole is proven in package conformance, which kit must not
// import. Here is what only this package promises.

func Example() {
	store := memstore.New()
	defer store.Close()
	ctx := context.Background()

	err := store.Users().Create(ctx, kit.User{ID: "u1", Email: "Ada@Example.com", Active: true})
	fmt.Println(err)
	err = store.Users().Create(ctx, kit.User{ID: "u2", Email: "ada@example.com"})
	fmt.Println(errors.Is(err, kit.ErrUserExists))
	u, err := store.Users().ByEmail(ctx, "ADA@EXAMPLE.COM")
	fmt.Println(u.ID, u.Email, err)
	// Output:
	// <nil>
	// true
	// u1 Ada@Example.com <nil>
}

func TestEveryMethodAfterClose(t *testing.T) {
	store := memstore.New()
	ctx := context.Background()
	users, tokens := store.Users(), store.Tokens()
	for name, call := range map[string]func() error{
		"Users.Ping":  func() error { return users.Ping(ctx) },
		"Tokens.Ping": func() error { return tokens.Ping(ctx) },
	} {
		if err := call(); err != nil {
			t.Errorf("%s before Close: %v", name, err)
		}
	}
	for range 2 {
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, call := range map[string]func() error{
		"Users.Create":  func() error { return users.Create(ctx, kit.User{ID: "u"}) },
		"Users.ByID":    func() error { _, err := users.ByID(ctx, "u"); return err },
		"Users.ByEmail": func() error { _, err := users.ByEmail(ctx, "u"); return err },
		"Users.Update":  func() error { return users.Update(ctx, kit.User{ID: "u"}) },
		"Users.Delete":  func() error { return users.Delete(ctx, "u") },
		"Users.Ping":    func() error { return users.Ping(ctx) },
		"Tokens.Create": func() error { return tokens.Create(ctx, kit.Token{ID: "t"}) },
		"Tokens.ByID":   func() error { _, err := tokens.ByID(ctx, "t"); return err },
		"Tokens.Update": func() error { return tokens.Update(ctx, kit.Token{ID: "t"}) },
		"Tokens.Delete": func() error { return tokens.Delete(ctx, "t", 1) },
		"Tokens.ByUser": func() error { _, err := tokens.ByUser(ctx, "u", "", 1); return err },
		"Tokens.DeleteExpired": func() error {
			_, err := tokens.DeleteExpired(ctx, time.Unix(0, 0), 1)
			return err
		},
		"Tokens.Ping": func() error { return tokens.Ping(ctx) },
	} {
		if err := call(); !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("%s after Close: got %v, want kit.ErrUnavailable", name, err)
		}
	}
}

// The limits of the contract hold even for a caller who passes others.
func TestLimitsOutOfRange(t *testing.T) {
	store := memstore.New()
	ctx := context.Background()
	for i := range 1001 {
		err := store.Tokens().Create(ctx, kit.Token{ID: fmt.Sprintf("t%04d", i), UserID: "u", ExpiresAt: time.Unix(int64(i), 0)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int]int{-1: 0, 0: 0, 1: 1, 1000: 1000, 5000: 1000} {
		found, err := store.Tokens().ByUser(ctx, "u", "", limit)
		if err != nil || len(found) != want {
			t.Errorf("ByUser with limit %d: got %d, %v, want %d", limit, len(found), err, want)
		}
	}
	for _, c := range []struct{ limit, want int }{{-1, 0}, {0, 0}, {5000, 1000}, {5000, 1}, {5000, 0}} {
		n, err := store.Tokens().DeleteExpired(ctx, time.Unix(2000, 0), c.limit)
		if err != nil || n != c.want {
			t.Errorf("DeleteExpired with limit %d: got %d, %v, want %d", c.limit, n, err, c.want)
		}
	}
}

// TestPurgeCollectsNothing: a batch removes tokens as it finds them. If it collected all that
// have expired, each of the thousand batches of a million would hold the lock for that long.
func TestPurgeCollectsNothing(t *testing.T) {
	store, ctx := memstore.New(), context.Background()
	for i := range 1000 {
		id := fmt.Sprint(i)
		if err := store.Tokens().Create(ctx, kit.Token{ID: id, UserID: id, ExpiresAt: time.Unix(0, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	allocations := testing.AllocsPerRun(100, func() {
		if n, err := store.Tokens().DeleteExpired(ctx, time.Unix(0, 0), 5); n != 5 || err != nil {
			t.Fatal(n, err)
		}
	})
	if allocations > 0 {
		t.Errorf("a batch of 5 among hundreds allocates %v times", allocations)
	}
}

// TestAllocations pins what the calls behind most requests allocate: copies of what they
// return and keep.
func TestAllocations(t *testing.T) {
	store, ctx := memstore.New(), context.Background()
	u := kit.User{ID: "ada", Email: "ada@example.com", Roles: []string{"member"}, Settings: []byte(`{"theme":"dark"}`), Version: 1}
	token := kit.Token{ID: "1", UserID: u.ID, SecretHash: make([]byte, 32), PreviousHash: make([]byte, 32), Salt: make([]byte, 32), Data: make([]byte, 100), Version: 1}
	if err := errors.Join(store.Users().Create(ctx, u), store.Tokens().Create(ctx, token)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		most float64
		call func() error
	}{
		{"user by ID", 2, func() error { _, err := store.Users().ByID(ctx, u.ID); return err }},
		{"user by email", 2, func() error { _, err := store.Users().ByEmail(ctx, u.Email); return err }},
		{"token by ID", 1, func() error { _, err := store.Tokens().ByID(ctx, token.ID); return err }},
		{"token update", 1, func() error { err := store.Tokens().Update(ctx, token); token.Version++; return err }},
	} {
		var failed error
		n := testing.AllocsPerRun(100, func() {
			if err := c.call(); err != nil {
				failed = err
			}
		})
		if failed != nil || n > c.most {
			t.Errorf("%s: %v allocations, %v, want at most %v", c.name, n, failed, c.most)
		}
	}
}
