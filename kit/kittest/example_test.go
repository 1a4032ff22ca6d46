package kittest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

// newService is what an application's tests run against: everything in memory, a
// clock that stands still, and hashes that cost nothing.
func newService(clock *kittest.Clock, mailer *kittest.Mailer, faults *kittest.Faults) *kit.Service {
	store := memstore.New()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(faults.Stores(store.Stores()), keys, &kit.Options{
		Now:        clock.Now,
		Mailer:     mailer,
		PublicURL:  "https://app.example.com",
		BcryptCost: 4, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})

	if err != nil {
		panic(err)
	}
	if _, err := svc.Register(context.Background(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		panic(err)
	}
	return svc
}

// An access token ends to the second.
func ExampleClock() {
	ctx := context.Background()
	clock := kittest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	svc := newService(clock, &kittest.Mailer{}, &kittest.Faults{})
	tokens, err := svc.Login(ctx, "ada@example.com", "Engine#1843!")
	if err != nil {
		panic(err)
	}
	clock.Advance(30*time.Minute - time.Second)
	_, _, err = svc.Authenticate(ctx, string(tokens.AccessToken))
	fmt.Println(err)
	clock.Advance(time.Second)
	_, _, err = svc.Authenticate(ctx, string(tokens.AccessToken))
	fmt.Println(err)
	// Output:
	// <nil>
	// kit: the token has expired
}

// A test takes the token out of the mail, as the user does.
func ExampleMailer() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mailer := &kittest.Mailer{}
	svc := newService(kittest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), mailer, &kittest.Faults{})
	sent, err := mailer.Next(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(sent.Kind, sent.To)
	fmt.Println(svc.VerifyEmail(ctx, string(sent.Token)))
	// Output:
	// verification ada@example.com
	// <nil>
}

// What an application does while its database is down, and afterwards.
func ExampleFaults() {
	ctx := context.Background()
	var faults kittest.Faults
	svc := newService(kittest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), &kittest.Mailer{}, &faults)

	faults.Inject("users.ByEmail", kittest.Down, 1)
	_, err := svc.Login(ctx, "ada@example.com", "Engine#1843!")
	fmt.Println(errors.Is(err, kit.ErrUnavailable), errors.Is(err, kit.ErrInvalidCredentials))
	_, err = svc.Login(ctx, "ada@example.com", "Engine#1843!")
	fmt.Println(err)

	// The answer to a write is lost after the database has done it.
	faults.Inject("users.Create", kittest.Lost, 1)
	user, err := svc.Register(ctx, kit.Registration{Email: "grace@example.com", Username: "Grace", Password: "Compiler#1952"})
	fmt.Println(user.Username, err)
	// Output:
	// true false
	// <nil>
	// Grace <nil>
}
