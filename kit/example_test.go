package kit_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// A Service needs stores and keys; everything else has a default.
func ExampleNew() {
	store := memstore.New() // or a driver: sqlite.Open(ctx, "auth.db", nil)
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		panic(err)
	}
	defer svc.Close(context.Background())

	ctx := context.Background()
	user, err := svc.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"})
	if err != nil {
		panic(err)
	}
	if _, err := svc.AddRole(ctx, user.ID, "editor"); err != nil {
		panic(err)
	}
	tokens, err := svc.Login(ctx, "ada@example.com", "Engine#1843!")
	if err != nil {
		panic(err)
	}
	fmt.Println(tokens.User.Username, tokens.User.Roles, tokens.ExpiresIn)
	fmt.Println(tokens.AccessToken) // a Secret prints as nothing
	// Output:
	// Ada [editor] 30m0s
	// [redacted]
}

// A hook refuses a registration with an error that the API shows to the client.
func ExampleHooks() {
	store := memstore.New()
	keys, _ := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		OnEvent: func(context.Context, kit.Event) {},
		Hooks: kit.Hooks{BeforeRegister: func(_ context.Context, r kit.Registration) error {
			if !strings.HasSuffix(r.Email, "@example.com") {
				return kit.Invalid("email", "foreign_domain", "register with your company address")
			}
			return nil
		}},
	})

	if err != nil {
		panic(err)
	}
	_, err = svc.Register(context.Background(), kit.Registration{Email: "eve@elsewhere.example", Username: "Eve", Password: "Engine#1843!"})
	fmt.Println(err)
	// Output: kit: invalid input: email foreign_domain
}

// postcards is a mailer of the application's own.
type postcards struct{ written chan string }

func (p postcards) Send(_ context.Context, m kit.Mail) error {
	switch m.Kind {
	case kit.MailVerification, kit.MailPasswordReset:
		p.written <- fmt.Sprintf("to %s: please visit %.42s…", m.To, string(m.Link))
		return nil
	default:
		return kit.Permanent(fmt.Errorf("postcards: no text for mails of kind %q", m.Kind))
	}
}

// Any type with the one method is a Mailer. It is called in the background and may
// take its time; an error is retried.
func ExampleMailer() {
	store := memstore.New()
	keys, _ := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	mailer := postcards{make(chan string)}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		Mailer: mailer, PublicURL: "https://app.example.com",
		EmailVerificationTTL: 48 * time.Hour,
		OnEvent:              func(context.Context, kit.Event) {},
	})

	if err != nil {
		panic(err)
	}
	if _, err := svc.Register(context.Background(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		panic(err)
	}
	fmt.Println(<-mailer.written)
	// Output: to ada@example.com: please visit https://app.example.com/verify-email?token…
}
