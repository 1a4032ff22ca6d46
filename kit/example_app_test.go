package kit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// A session after a login of the application's own: here the directory of a company has checked
// the password. Grant still refuses an account that may not log in, and asks for the second
// factor if the account has one.
func ExampleService_Grant() {
	ctx := context.Background()
	svc := exampleService(kit.Options{})
	registerAda(svc)

	user, err := svc.UserByEmail(ctx, exampleEmail) // read before the proof is checked
	if err != nil {
		panic(err)
	}
	directoryAccepts := func(email, password string) bool { return password == "directory password" }
	if !directoryAccepts(user.Email, "directory password") {
		return
	}
	tokens, err := svc.Grant(ctx, kit.Login{User: user, AMR: []string{"pwd"}})
	fmt.Println(tokens.User.Username, err)

	if _, err := svc.Deactivate(ctx, user.ID); err != nil {
		panic(err)
	}
	_, err = svc.Grant(ctx, kit.Login{User: user})
	fmt.Println(err)
	// Output:
	// Ada <nil>
	// kit: the account is disabled
}

// A check of the password that starts no session, before something dangerous. It costs what a
// login costs, and the limiter counts it.
func ExampleService_CheckPassword() {
	ctx := context.Background()
	svc := exampleService(kit.Options{})
	registerAda(svc)

	_, err := svc.CheckPassword(ctx, exampleEmail, "a guess")
	fmt.Println(err)
	user, err := svc.CheckPassword(ctx, exampleEmail, examplePassword)
	fmt.Println(user.Username, err)
	sessions, err := svc.Sessions(ctx, user.ID)
	fmt.Println(len(sessions), err)
	// Output:
	// kit: wrong email or password
	// Ada <nil>
	// 0 <nil>
}

// The language of a user's mails, from the settings of that user.
func ExampleOptions_locale() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mailer := &kittest.Mailer{}
	svc := exampleService(kit.Options{
		Mailer: mailer, PublicURL: "https://app.example.com",
		Locale: func(u kit.User) string {
			var settings struct{ Language string }
			_ = json.Unmarshal(u.Settings, &settings) // none: the language of the mailer
			return settings.Language
		},
	})
	_, err := svc.Register(ctx, kit.Registration{
		Email: exampleEmail, Username: "Ada", Password: examplePassword, Settings: []byte(`{"language":"de-AT"}`),
	})
	if err != nil {
		panic(err)
	}
	mail, err := mailer.Next(ctx)
	fmt.Println(mail.Kind, mail.Locale, err)
	// Output: verification de-AT <nil>
}

// What the application knows of a user, and neither the user nor the API ever sees.
func ExampleService_SetPrivate() {
	ctx := context.Background()
	svc := exampleService(kit.Options{})
	user := registerAda(svc)

	if _, err := svc.SetPrivate(ctx, user.ID, []byte(`{"customer":"C-1843"}`)); err != nil {
		panic(err)
	}
	user, err := svc.UserByID(ctx, user.ID)
	fmt.Println(string(user.Private), string(user.Settings), err)
	// Output: {"customer":"C-1843"} {} <nil>
}

// Claims of the application's own in each access token. Names that RFC 9068 or the registry of
// IANA has are refused.
func ExampleOptions_claims() {
	svc := exampleService(kit.Options{
		Claims: func(_ context.Context, u kit.User) (map[string]any, error) {
			return map[string]any{"tenant": "analytical-engines"}, nil
		},
	})
	registerAda(svc)
	claims, err := svc.Verifier().Verify(string(loginAda(svc).AccessToken))
	if err != nil {
		panic(err)
	}
	fmt.Println(string(claims.Extra))
	// Output: {"tenant":"analytical-engines"}
}

// All users, page by page. A page begins after a key, so nobody is skipped or shown twice while
// others come and go.
func ExampleService_Users() {
	ctx := context.Background()
	clock := kittest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	svc := exampleService(kit.Options{Now: clock.Now})
	for _, name := range []string{"ada", "grace", "edsger"} {
		clock.Advance(time.Second)
		if _, err := svc.Register(ctx, kit.Registration{Email: name + "@example.com", Username: name, Password: examplePassword}); err != nil {
			panic(err)
		}
	}

	const limit = 2
	after := ""
	for {
		page, err := svc.Users(ctx, after, limit) // by ID, which is by age
		if err != nil {
			panic(err)
		}
		for _, u := range page {
			fmt.Println(u.Username)
			after = u.ID
		}
		if len(page) < limit {
			break
		}
	}
	// Output:
	// ada
	// grace
	// edsger
}

// A search by the beginning of the address.
func ExampleService_UsersByEmail() {
	ctx := context.Background()
	svc := exampleService(kit.Options{})
	for _, email := range []string{"Ada@example.com", "adele@example.com", "grace@example.com"} {
		if _, err := svc.Register(ctx, kit.Registration{Email: email, Username: "A user", Password: examplePassword}); err != nil {
			panic(err)
		}
	}
	found, err := svc.UsersByEmail(ctx, "AD", "", 10)
	for _, u := range found {
		fmt.Println(u.Email)
	}
	fmt.Println(err)
	// Output:
	// Ada@example.com
	// adele@example.com
	// <nil>
}

// Purging is one call of the application. It ends with its context, or with the Service.
func ExampleService_PurgeEvery() {
	ctx, stop := context.WithCancel(context.Background())
	svc := exampleService(kit.Options{})
	ended := make(chan error, 1)
	go func() { ended <- svc.PurgeEvery(ctx, time.Hour) }()

	stop() // when the program stops
	fmt.Println(errors.Is(<-ended, context.Canceled))
	// Output: true
}
