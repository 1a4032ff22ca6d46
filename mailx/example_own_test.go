package mailx_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/mailx"
)

// From the setting of a relay to a Service that mails: here to one that prints.
func Example() {
	ctx := context.Background()
	var printed bytes.Buffer
	mailer, err := mailx.NewLog(&printed, &mailx.Options{From: "Shop <no-reply@shop.example>"}) // mailx.New, in production
	if err != nil {
		panic(err)
	}
	store := memstore.New()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		Mailer:     mailer,
		PublicURL:  "https://shop.example",
		BcryptCost: 4, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})

	if err != nil {
		panic(err)
	}
	if _, err := svc.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		panic(err)
	}
	fmt.Println(svc.Close(ctx)) // waits for the mails
	for line := range strings.Lines(printed.String()) {
		if strings.Contains(line, "To:") || strings.Contains(line, "Subject:") {
			fmt.Print(strings.TrimLeft(line, " "))
		}
	}
	// Output:
	// <nil>
	// To: ada@example.com
	// Subject: Confirm your email address for Shop
}

// quiet is a mailer of one's own on top of one of this package: it sends all mails
// but one kind.
type quiet struct {
	kit.Mailer // *mailx.Mailer, or *mailx.Log
	told       func(address string)
}

func (q quiet) Send(ctx context.Context, m kit.Mail) error {
	if m.Kind != kit.MailPasswordChanged {
		return q.Mailer.Send(ctx, m)
	}
	q.told(m.To)
	return nil
}

// What a mailer of this package does not do is one method around it.
func ExampleMailer() {
	log, err := mailx.NewLog(os.Stdout, nil)
	if err != nil {
		panic(err)
	}
	mailer := quiet{Mailer: log, told: func(address string) { fmt.Println("push notification for", address) }}
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	fmt.Println(mailer.Send(context.Background(), kit.Mail{Kind: kit.MailPasswordChanged, To: "ada@example.com", Username: "Ada", Now: now, ValidUntil: now.Add(time.Hour)}))
	// Output:
	// push notification for ada@example.com
	// <nil>
}

// A relay that wants an access token instead of a password.
func ExampleOptions_token() {
	cfg, err := mailx.ParseURL("smtp://shop@relay.example?auth=xoauth2")
	if err != nil {
		fmt.Println(err)
		return
	}
	mailer, err := mailx.New(cfg, &mailx.Options{
		From:  "Shop <no-reply@shop.example>",
		Token: func(context.Context) (string, error) { return "from the provider, and cached", nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(mailer)
	// Output: mailx.Mailer{relay.example:587 over STARTTLS, user "shop", auth "XOAUTH2"}
}
