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

// exampleService returns a Service in memory. Its hashes are cheap, so that the examples are
// fast; an application must not do that.
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
	svc, err := kit.New(store.Stores(), keys, &opts)
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

// Each refresh replaces the refresh token. For a moment the call can be repeated if its answer
// was lost. An older token that comes back was probably stolen, and ends the session.
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

// A list of devices, and a way to log one of them out.
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

// Deactivation takes effect at once wherever the user is looked up. A stateless check accepts
// the token until it expires.
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

// The application calls PurgeExpired, every hour for example. The Service does not do it in
// the background.
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

// Close waits for the queued mails, and refuses later calls.
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
