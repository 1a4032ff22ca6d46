package kit_test

import (
	"context"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// What an owner does with the account is done in a session, by the claims of its access token. A
// new password ends all sessions but that one.
func ExampleService_ChangePassword() {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	keys, _ := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{
		OnEvent: func(context.Context, kit.Event) {},
		Now:     func() time.Time { return now },
	})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if _, err := svc.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		panic(err)
	}
	phone, _ := svc.Login(ctx, "ada@example.com", "Engine#1843!")
	laptop, _ := svc.Login(ctx, "ada@example.com", "Engine#1843!")

	// In a request: user, claims, err := svc.Authenticate(ctx, bearer).
	_, claims, err := svc.Authenticate(ctx, string(laptop.AccessToken))
	if err != nil {
		panic(err)
	}
	fresh, err := svc.ChangePassword(ctx, claims, "Engine#1843!", "Note-G of 1843")
	if err != nil {
		panic(err)
	}
	_, err = svc.Refresh(ctx, string(phone.RefreshToken))
	fmt.Println("phone:", err)
	_, err = svc.Refresh(ctx, string(laptop.RefreshToken))
	fmt.Println("laptop:", err)

	// Twenty minutes later a change of the address, for example, needs the password again.
	now = now.Add(20 * time.Minute)
	user, claims, err := svc.Authenticate(ctx, string(fresh.AccessToken))
	if err != nil {
		panic(err)
	}
	fmt.Println("later:", svc.CheckRecent(user, claims))
	if fresh, err = svc.Reauthenticate(ctx, claims, "Note-G of 1843"); err != nil { // a MFARequired: see ReauthenticateWithFactor
		panic(err)
	}
	user, claims, _ = svc.Authenticate(ctx, string(fresh.AccessToken))
	fmt.Println("after the password:", svc.CheckRecent(user, claims))
	// Output:
	// phone: kit: the token was revoked
	// laptop: <nil>
	// later: kit: this needs a recent login
	// after the password: <nil>
}
