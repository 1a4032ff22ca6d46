package kit_test

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

const (
	exampleEmail    = "ada@example.com"
	examplePassword = "Engine#1843!"
)

// exampleService returns a Service in memory. Its hashes are cheap, so that the
// examples that log in are fast: an application leaves BcryptCost alone.
func exampleService(opts kit.Options) *kit.Service {
	store := memstore.New()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	opts.BcryptCost, opts.InsecureFastHash = 4, true
	if opts.OnEvent == nil {
		opts.OnEvent = func(context.Context, kit.Event) {}
	}
	svc, err := kit.New(store.Users(), store.Tokens(), keys, &opts)
	if err != nil {
		panic(err)
	}
	return svc
}

// registerAda creates the account that the examples use.
func registerAda(svc *kit.Service) kit.User {
	user, err := svc.Register(context.Background(), kit.Registration{Email: exampleEmail, Username: "Ada", Password: examplePassword})
	if err != nil {
		panic(err)
	}
	return user
}

// loginAda starts a session.
func loginAda(svc *kit.Service) kit.TokenPair {
	tokens, err := svc.Login(context.Background(), exampleEmail, examplePassword)
	if err != nil {
		panic(err)
	}
	return tokens
}

// Each refresh replaces the refresh token. A lost answer may be asked for again for
// a moment; what is older was stolen, or is in the hands of two.
func ExampleService_Refresh() {
	ctx := context.Background()
	clock := kittest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	svc := exampleService(kit.Options{Now: clock.Now})
	registerAda(svc)
	first := loginAda(svc)

	second, err := svc.Refresh(ctx, string(first.RefreshToken))
	fmt.Println(second.RefreshToken != first.RefreshToken, err)
	again, err := svc.Refresh(ctx, string(first.RefreshToken)) // the answer was lost, say
	fmt.Println(again.RefreshToken == second.RefreshToken, err)

	clock.Advance(time.Minute) // longer than Options.RefreshGrace
	_, err = svc.Refresh(ctx, string(first.RefreshToken))
	fmt.Println(errors.Is(err, kit.ErrRevokedToken))
	_, err = svc.Refresh(ctx, string(second.RefreshToken)) // the session has ended
	fmt.Println(errors.Is(err, kit.ErrRevokedToken))
	// Output:
	// true <nil>
	// true <nil>
	// true
	// true
}

// A list of devices, with a way to log one of them out.
func ExampleService_Sessions() {
	ctx := context.Background()
	svc := exampleService(kit.Options{})
	user := registerAda(svc)
	laptop, phone := loginAda(svc), loginAda(svc)

	sessions, err := svc.Sessions(ctx, user.ID)
	fmt.Println(len(sessions), err)

	claims, err := svc.Verifier().Verify(string(phone.AccessToken))
	if err != nil {
		panic(err)
	}
	fmt.Println(svc.EndSession(ctx, user.ID, claims.SessionID))
	_, err = svc.Refresh(ctx, string(phone.RefreshToken))
	fmt.Println(err)
	_, err = svc.Refresh(ctx, string(laptop.RefreshToken))
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// <nil>
	// kit: the token was revoked
	// <nil>
}

// Deactivation ends everything at once where the user is looked up. A check of the
// token alone goes on until it expires.
func ExampleService_Deactivate() {
	ctx := context.Background()
	svc := exampleService(kit.Options{})
	user := registerAda(svc)
	tokens := loginAda(svc)

	if _, err := svc.Deactivate(ctx, user.ID); err != nil {
		panic(err)
	}
	_, _, err := svc.Authenticate(ctx, string(tokens.AccessToken))
	fmt.Println(err)
	_, err = svc.Verifier().Verify(string(tokens.AccessToken))
	fmt.Println(err)
	_, err = svc.Login(ctx, exampleEmail, examplePassword)
	fmt.Println(err)
	// Output:
	// kit: the account is disabled
	// <nil>
	// kit: the account is disabled
}

// PurgeExpired is called by whoever runs the application, every hour for example:
// nothing runs in the background that nobody started.
func ExampleService_PurgeExpired() {
	ctx := context.Background()
	clock := kittest.NewClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	svc := exampleService(kit.Options{Now: clock.Now})
	registerAda(svc)
	loginAda(svc)
	clock.Advance(9 * 24 * time.Hour) // the session is idle for longer than it may be
	loginAda(svc)

	// Until a day after its end a token is answered "expired", and then "invalid".
	deleted, err := svc.PurgeExpired(ctx, clock.Now().Add(-24*time.Hour))
	fmt.Println(deleted, err)
	// Output: 1 <nil>
}

// Closing waits for the queued mails, and refuses what comes later.
func ExampleService_Close() {
	svc := exampleService(kit.Options{})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(svc.Close(ctx))
	_, err := svc.Login(ctx, exampleEmail, examplePassword)
	fmt.Println(errors.Is(err, kit.ErrClosed), errors.Is(err, kit.ErrUnavailable))
	// Output:
	// <nil>
	// true true
}
