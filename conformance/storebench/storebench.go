// Package storebench measures what a store costs beyond its database.
//
// [Run] makes the calls of each use case of a [kit.Service], without the hash, the
// tokens and HTTP, and beside them the same statements issued directly on the same
// client. Each pair is a benchmark with the sub-benchmarks myauth and bare, which
// run right after each other: their ratio says what the store adds, whatever the
// machine is doing.
//
//	func BenchmarkStore(b *testing.B) {
//		store, db := open(b) // empty
//		storebench.Run(b, conformance.Stores{Users: store.Users(), Tokens: store.Tokens()}, storebench.Bare{
//			UserByID: func(ctx context.Context, id string) error { … }, // the bare statement on db
//			…
//		})
//	}
//
// For stores on package kit/sqlstore, [SQL] makes the bare statements. The use cases:
//
//	login     a user by address, a new session
//	refresh   a session, its user, the rotation of the session
//	me        a user by ID
//	register  a look at the address, a new user
//	purge     removal of a thousand expired sessions
//
// Each runs with 1 and with 16 callers. MYAUTH_BENCH_USERS is the number of users,
// each with one session, that the store holds meanwhile: 1000 unless told. Two runs
// with different numbers show whether the cost grows with the data.
package storebench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
)

// Bare are the statements that a store issues for its methods, on the same client
// and without the store. What they read they decode into plain variables.
type Bare struct {
	UserByID      func(ctx context.Context, id string) error
	UserByEmail   func(ctx context.Context, emailKey string) error
	UserCreate    func(ctx context.Context, u kit.User) error
	TokenByID     func(ctx context.Context, id string) error
	TokenCreate   func(ctx context.Context, t kit.Token) error
	TokenUpdate   func(ctx context.Context, t kit.Token) error // of Version to Version+1
	DeleteExpired func(ctx context.Context, before time.Time, limit int) (int, error)
}

// epoch is when everything was made.
var epoch = time.Date(2026, 11, 5, 12, 30, 0, 123456000, time.UTC)

// purged is how many expired tokens one purge removes.
const purged = 1000

// Run runs the benchmarks on an empty store.
func Run(b *testing.B, stores conformance.Stores, bare Bare) {
	users := 1000
	if text := os.Getenv("MYAUTH_BENCH_USERS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 16 {
			b.Fatalf("MYAUTH_BENCH_USERS is %q: write a number of at least 16", text)
		}
		users = n
	}
	r := &run{stores: stores, bare: bare, users: users, versions: make([]int64, users)}
	r.fill(b)
	b.Run(fmt.Sprintf("users=%d", users), func(b *testing.B) {
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
				for _, use := range r.uses() {
					b.Run(use.name, func(b *testing.B) {
						b.Run("myauth", func(b *testing.B) { r.measure(b, callers, use.store) })
						b.Run("bare", func(b *testing.B) { r.measure(b, callers, use.bare) })
					})
				}
			})
		}
		b.Run("purge", func(b *testing.B) {
			b.Run("myauth", func(b *testing.B) { r.purge(b, r.stores.Tokens.DeleteExpired) })
			b.Run("bare", func(b *testing.B) { r.purge(b, r.bare.DeleteExpired) })
		})
	})
}

type run struct {
	stores conformance.Stores
	bare   Bare
	users  int
	next   atomic.Int64 // numbers what is added
	// versions are those of the first session of each user.
	versions []int64
}

func userID(i int) string  { return fmt.Sprintf("%08d-0000-7000-8000-%012d", i, i) }
func email(i int) string   { return fmt.Sprintf("user%d@example.com", i) }
func tokenID(i int) string { return fmt.Sprintf("rt_%032d", i) }

func newUser(i int) kit.User {
	return kit.User{
		ID: userID(i), Email: email(i), Username: fmt.Sprint("User ", i),
		PasswordHash: "$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
		Roles:        []string{"member"}, Settings: []byte(`{"theme":"dark"}`),
		Active: true, CreatedAt: epoch, UpdatedAt: epoch, Version: 1,
	}
}

func newToken(i, user int) kit.Token {
	hash := make([]byte, 32)
	binary.BigEndian.PutUint64(hash, uint64(i))
	return kit.Token{
		ID: tokenID(i), Type: kit.RefreshToken, UserID: userID(user), SessionID: fmt.Sprintf("s-%d", i), SecretHash: hash, PreviousHash: hash, Salt: hash,
		CreatedAt: epoch, RotatedAt: epoch, ExpiresAt: epoch.Add(7 * 24 * time.Hour), Version: 1,
	}
}

// fill adds the users with a session each.
func (r *run) fill(b *testing.B) {
	err := r.together(r.users, func(i int) error {
		return errors.Join(
			r.stores.Users.Create(b.Context(), newUser(i)),
			r.stores.Tokens.Create(b.Context(), newToken(i, i)),
		)
	})
	if err != nil {
		b.Fatal(err)
	}
	r.next.Store(int64(r.users))
	for i := range r.versions {
		r.versions[i] = 1
	}
}

// use is a use case in its two forms. Each call gets the number of a user that no
// other caller has at that time.
type use struct {
	name        string
	store, bare func(ctx context.Context, i int) error
}

func (r *run) uses() []use {
	return []use{
		{"login", func(ctx context.Context, i int) error {
			if _, err := r.stores.Users.ByEmail(ctx, email(i)); err != nil {
				return err
			}
			return r.stores.Tokens.Create(ctx, newToken(r.another(), i))
		}, func(ctx context.Context, i int) error {
			if err := r.bare.UserByEmail(ctx, email(i)); err != nil {
				return err
			}
			return r.bare.TokenCreate(ctx, newToken(r.another(), i))
		}},
		{"refresh", func(ctx context.Context, i int) error {
			t, err := r.stores.Tokens.ByID(ctx, tokenID(i))
			if err != nil {
				return err
			}
			if _, err := r.stores.Users.ByID(ctx, t.UserID); err != nil {
				return err
			}
			r.versions[i]++
			return r.stores.Tokens.Update(ctx, t)
		}, func(ctx context.Context, i int) error {
			if err := r.bare.TokenByID(ctx, tokenID(i)); err != nil {
				return err
			}
			if err := r.bare.UserByID(ctx, userID(i)); err != nil {
				return err
			}
			t := newToken(i, i)
			t.Version = r.versions[i]
			r.versions[i]++
			return r.bare.TokenUpdate(ctx, t)
		}},
		{"me", func(ctx context.Context, i int) error {
			_, err := r.stores.Users.ByID(ctx, userID(i))
			return err
		}, func(ctx context.Context, i int) error { return r.bare.UserByID(ctx, userID(i)) }},
		{"register", func(ctx context.Context, _ int) error {
			u := newUser(r.another())
			if _, err := r.stores.Users.ByEmail(ctx, u.Email); !errors.Is(err, kit.ErrNotFound) {
				return fmt.Errorf("a new address is taken: %w", err)
			}
			return r.stores.Users.Create(ctx, u)
		}, func(ctx context.Context, _ int) error {
			u := newUser(r.another())
			if err := r.bare.UserByEmail(ctx, u.Email); err == nil {
				return errors.New("a new address is taken")
			}
			return r.bare.UserCreate(ctx, u)
		}},
	}
}

// another returns a number that no user and no token has.
func (r *run) another() int { return int(r.next.Add(1)) }

// measure makes the calls of a use case from that many goroutines.
func (r *run) measure(b *testing.B, callers int, call func(ctx context.Context, i int) error) {
	b.ReportAllocs()
	errs := make([]error, callers)
	var wg sync.WaitGroup
	b.ResetTimer()
	for c := range callers {
		wg.Go(func() {
			own := r.users / callers // users c, c+callers, … are this caller's
			for n := c; n < b.N && errs[c] == nil; n += callers {
				errs[c] = call(b.Context(), n/callers*7919%own*callers+c)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
}

// purge removes expired tokens, a thousand each time, of which it first makes as
// many beside those that live.
func (r *run) purge(b *testing.B, deleteExpired func(context.Context, time.Time, int) (int, error)) {
	before := epoch.Add(-time.Hour)
	for range b.N {
		b.StopTimer()
		if err := r.together(purged, func(i int) error {
			t := newToken(r.another(), i)
			t.ExpiresAt = before.Add(-time.Duration(i) * time.Second)
			return r.stores.Tokens.Create(b.Context(), t)
		}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if n, err := deleteExpired(b.Context(), before, purged); n != purged || err != nil {
			b.Fatalf("the purge removed %d: %v", n, err)
		}
	}
	b.ReportMetric(float64(b.N*purged)/b.Elapsed().Seconds(), "rows/s")
}

// together calls f with each number below n, from many goroutines.
func (r *run) together(n int, f func(i int) error) error {
	const workers = 16
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
