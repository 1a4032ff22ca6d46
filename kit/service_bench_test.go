package kit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// BenchmarkService is each use case without the hash, over memory, with few and with
// many accounts. Over memory a look-up costs least, so what grows with their number
// shows most: of a million accounts, none that is asked for is in the processor's
// cache.
func BenchmarkService(b *testing.B) {
	sizes := []int{1_000, 1_000_000}
	crowds := make([]*crowd, len(sizes))
	for i, size := range sizes {
		crowds[i] = newCrowd(b, size)
	}
	for _, use := range []struct {
		name string
		run  func(*crowd, *testing.B)
	}{
		{"me", (*crowd).me},
		{"refresh", (*crowd).refresh},
		{"login", (*crowd).login},
		{"register", (*crowd).register},
		{"purge", (*crowd).purge},
	} {
		for i, size := range sizes { // right after each other
			b.Run(fmt.Sprintf("%s/users=%d", use.name, size), func(b *testing.B) { use.run(crowds[i], b) })
		}
	}
}

// crowd is a Service with many accounts.
type crowd struct {
	svc    *kit.Service
	tokens kit.TokenStore
	users  int
	chosen []kit.TokenPair // sessions of accounts all over the store
	next   int             // numbers the accounts that are added
}

// mostChosen sessions are more than fit into a processor's cache with their accounts.
const mostChosen = 100_000

func newCrowd(b *testing.B, users int) *crowd {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		b.Fatal(err)
	}
	store := memstore.New()
	svc, err := kit.New(store.Stores(), keys, &kit.Options{OnEvent: discardEvents})
	if err != nil {
		b.Fatal(err)
	}
	c := &crowd{svc: svc, tokens: store.Tokens(), users: users}
	every := max(1, users/mostChosen)
	for range users {
		u := c.add(b)
		tokens, err := svc.GrantPassword(b.Context(), u)
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
		PasswordHash: "$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ0123.",
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
		if _, err := c.svc.GrantPassword(b.Context(), u); err != nil {
			b.Fatal(err)
		}
	}
}

// requests is how many requests arrive at a time.
const requests = 256

// arriving calls f with the tokens of one session after the other. They are copied
// before the clock runs, as those of a request have just come in from the network:
// what is cold is the store.
func (c *crowd) arriving(b *testing.B, f func(session *kit.TokenPair, arrived kit.TokenPair)) {
	b.ReportAllocs()
	b.ResetTimer()
	var arrived [requests]kit.TokenPair
	for i := 0; i < b.N; i += requests {
		b.StopTimer()
		for j := range arrived {
			t := c.chosen[(i+j)%len(c.chosen)]
			t.AccessToken = kit.Secret(strings.Clone(string(t.AccessToken)))
			t.RefreshToken = kit.Secret(strings.Clone(string(t.RefreshToken)))
			arrived[j] = t
		}
		b.StartTimer()
		for j := range min(requests, b.N-i) {
			f(&c.chosen[(i+j)%len(c.chosen)], arrived[j])
		}
	}
}

func (c *crowd) refresh(b *testing.B) {
	c.arriving(b, func(session *kit.TokenPair, arrived kit.TokenPair) {
		var err error
		if *session, err = c.svc.Refresh(b.Context(), string(arrived.RefreshToken)); err != nil {
			b.Fatal(err)
		}
	})
}

func (c *crowd) me(b *testing.B) {
	c.arriving(b, func(_ *kit.TokenPair, arrived kit.TokenPair) {
		if _, _, err := c.svc.Authenticate(b.Context(), string(arrived.AccessToken)); err != nil {
			b.Fatal(err)
		}
	})
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
