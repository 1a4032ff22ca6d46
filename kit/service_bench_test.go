package kit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// BenchmarkService is each use case without the hash, over memory, with few and with
// many accounts. Over memory a look-up costs least, so what grows with their number
// shows most: of a million accounts, none that is asked for is in the processor's
// cache. Tokens are read one after the other, since those of a request are warm.
func BenchmarkService(b *testing.B) {
	for _, users := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("users=%d", users), func(b *testing.B) {
			c := newCrowd(b, users)
			b.Run("me", c.me)
			b.Run("refresh", c.refresh)
			b.Run("login", c.login)
			b.Run("register", c.register)
			b.Run("purge", c.purge)
		})
	}
}

// crowd is a Service with many accounts.
type crowd struct {
	svc    *kit.Service
	tokens kit.TokenStore
	users  int
	chosen []kit.Tokens // sessions of accounts all over the store
	next   int          // numbers the accounts that are added
}

// mostChosen sessions are more than fit into a processor's cache with their accounts.
const mostChosen = 100_000

func newCrowd(b *testing.B, users int) *crowd {
	keys, err := accesstoken.HMAC(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	store := memstore.New()
	svc, err := kit.New(store.Users(), store.Tokens(), keys, &kit.Options{OnEvent: discardEvents})
	if err != nil {
		b.Fatal(err)
	}
	c := &crowd{svc: svc, tokens: store.Tokens(), users: users}
	every := max(1, users/mostChosen)
	for range users {
		u := c.add(b)
		tokens, err := svc.StartSession(b.Context(), u)
		if err != nil {
			b.Fatal(err)
		}
		if c.next%every == 0 {
			c.chosen = append(c.chosen, tokens)
		}
	}
	return c
}

func (c *crowd) email(i int) string { return fmt.Sprintf("user%d@example.com", i) }

// add is a registration with a hash that was made elsewhere.
func (c *crowd) add(b *testing.B) kit.User {
	u, err := c.svc.Import(b.Context(), kit.User{
		Email: c.email(c.next), Username: "User", Active: true, Roles: []string{"member"}, Settings: []byte(`{"theme":"dark"}`),
		PasswordHash: "$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
	})
	if err != nil {
		b.Fatal(err)
	}
	c.next++
	return u
}

// stride is a prime, so that a walk by it meets every one of a round number, and none
// because its neighbour was met before.
const stride = 7919

func (c *crowd) login(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		u, err := c.svc.UserByEmail(b.Context(), c.email(i*stride%c.users))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.svc.StartSession(b.Context(), u); err != nil {
			b.Fatal(err)
		}
	}
}

func (c *crowd) refresh(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tokens := &c.chosen[i%len(c.chosen)]
		var err error
		if *tokens, err = c.svc.Refresh(b.Context(), string(tokens.RefreshToken)); err != nil {
			b.Fatal(err)
		}
	}
}

func (c *crowd) me(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := c.svc.Authenticate(b.Context(), string(c.chosen[i%len(c.chosen)].AccessToken)); err != nil {
			b.Fatal(err)
		}
	}
}

func (c *crowd) register(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.svc.UserByEmail(b.Context(), c.email(c.next)); !errors.Is(err, kit.ErrUserNotFound) {
			b.Fatal(err)
		}
		c.add(b)
	}
}

// purge removes a thousand tokens that have expired, of which it makes as many before.
func (c *crowd) purge(b *testing.B) {
	expired := time.Now().Add(-time.Hour)
	for range b.N {
		b.StopTimer()
		for i := range 1000 {
			t := kit.Token{ID: fmt.Sprintf("rt_expired_%d", i), Type: kit.RefreshToken, UserID: fmt.Sprint(i), ExpiresAt: expired, Version: 1}
			if err := c.tokens.Create(context.Background(), t); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if n, err := c.svc.PurgeExpired(b.Context(), time.Now()); n != 1000 || err != nil {
			b.Fatalf("purged %d, %v", n, err)
		}
	}
}
