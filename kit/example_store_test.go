package kit_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// countingUsers counts the look-ups of another store. The embedded interface
// passes everything else on.
type countingUsers struct {
	kit.UserStore
	byID, byEmail atomic.Int64
}

func (c *countingUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	c.byID.Add(1)
	return c.UserStore.ByID(ctx, id)
}

func (c *countingUsers) ByEmail(ctx context.Context, email string) (kit.User, error) {
	c.byEmail.Add(1)
	return c.UserStore.ByEmail(ctx, email)
}

// Ping keeps the optional method that the embedded interface would hide.
func (c *countingUsers) Ping(ctx context.Context) error {
	if p, ok := c.UserStore.(kit.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

// A store can wrap another one, for metrics for example. A wrapper that caches users must see
// every change: by the contract each read sees what was acknowledged, through any handle, and
// a deactivation relies on that.
func ExampleUserStore() {
	stores := memstore.New().Stores()
	users := &countingUsers{UserStore: stores.Users}
	stores.Users = users
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(stores, keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, // for a fast example only
		OnEvent: func(context.Context, kit.Event) {},
	})
	if err != nil {
		panic(err)
	}
	registerAda(svc)
	users.byEmail.Store(0)

	tokens := loginAda(svc)
	fmt.Println("login:", users.byEmail.Load(), "by email,", users.byID.Load(), "by id")
	users.byEmail.Store(0)
	if _, _, err := svc.Authenticate(context.Background(), string(tokens.AccessToken)); err != nil {
		panic(err)
	}
	fmt.Println("authenticate:", users.byEmail.Load(), "by email,", users.byID.Load(), "by id")
	fmt.Println("ready:", svc.Ready(context.Background()))
	// Output:
	// login: 1 by email, 0 by id
	// authenticate: 0 by email, 1 by id
	// ready: <nil>
}

// slowTokens reports calls that took longer than they should.
type slowTokens struct {
	kit.TokenStore
	limit  time.Duration
	report func(op string, took time.Duration)
	now    func() time.Time
}

func (s slowTokens) Update(ctx context.Context, t kit.Token) error {
	start := s.now()
	defer func() {
		if took := s.now().Sub(start); took > s.limit {
			s.report("tokens.Update", took)
		}
	}()
	return s.TokenStore.Update(ctx, t)
}

// A wrapper must return the store's errors as they are, because a conflict and an outage mean
// different things to the Service.
func ExampleTokenStore() {
	ctx := context.Background()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	tick := func() time.Time { now = now.Add(80 * time.Millisecond); return now } // time.Now, elsewhere
	tokens := slowTokens{
		TokenStore: memstore.New().Tokens(),
		limit:      50 * time.Millisecond,
		report:     func(op string, took time.Duration) { fmt.Println("slow:", op, took) },
		now:        tick,
	}
	err := tokens.Update(ctx, kit.Token{ID: "unknown"})
	fmt.Println(errors.Is(err, kit.ErrNotFound))
	// Output:
	// slow: tokens.Update 80ms
	// true
}

// Users and tokens may live in different databases: users in PostgreSQL and tokens
// in Redis, for example. Here two memstores stand for them.
func ExampleNew_mixedStores() {
	accounts := memstore.New() // postgres.Open(ctx, …)
	sessions := memstore.New() // redis.Open(ctx, …)
	stores := accounts.Stores()
	stores.Tokens = sessions.Tokens()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(stores, keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, // for a fast example only
		OnEvent: func(context.Context, kit.Event) {},
	})
	if err != nil {
		panic(err)
	}
	user := registerAda(svc)
	loginAda(svc)

	rows, err := sessions.Tokens().ByUser(context.Background(), user.ID, "", 10)
	fmt.Println("sessions here:", len(rows), err)
	rows, err = accounts.Tokens().ByUser(context.Background(), user.ID, "", 10)
	fmt.Println("sessions there:", len(rows), err)
	// Output:
	// sessions here: 1 <nil>
	// sessions there: 0 <nil>
}
