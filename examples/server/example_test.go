package main

import (
	"context"
	"fmt"
	"log"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// queueMailer hands mails to the application's own queue, whose worker renders and
// sends them.
type queueMailer struct {
	publish func(ctx context.Context, template string, m kit.Mail) error
}

func (q queueMailer) Send(ctx context.Context, m kit.Mail) error {
	return q.publish(ctx, string(m.Kind), m)
}

// A mailer of one's own has one method.
func Example_mailer() {
	ctx := context.Background()
	mailer := queueMailer{publish: func(_ context.Context, template string, m kit.Mail) error {
		fmt.Println(template, "to", m.To)
		return nil
	}}
	keys, err := accesstoken.HMAC([]byte("an example's secret: 32 bytes or more"))
	check(err)
	store := memstore.New()
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		Mailer:     mailer,
		PublicURL:  "https://example.com",
		BcryptCost: 4, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})

	check(err)
	_, err = svc.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Correct-Horse-7"})
	check(err)
	check(svc.Close(ctx)) // waits for the mails
	// Output: verification to ada@example.com
}
