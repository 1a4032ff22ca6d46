package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/mailx"
)

// The wiring of an application: a store, keys, a mailer, the service, and the
// routes. It is compiled and not run: it would serve for ever.
func Example_wiring() {
	store, err := sqlite.Open(context.Background(), "auth.db", nil)
	check(err)
	keys, err := accesstoken.HMAC([]byte(os.Getenv("JWT_SECRET"))) // at least 32 bytes
	check(err)
	mailer, err := mailx.NewLog(os.Stderr, nil) // or mailx.New, for SMTP
	check(err)
	svc, err := kit.New(store.Users(), store.Tokens(), keys, &kit.Options{Mailer: mailer, PublicURL: "http://localhost:8080"})
	check(err)
	pages, err := httpx.Pages(svc, nil) // where the links in mails lead
	check(err)
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("/auth/", httpx.New(svc, nil))
	mux.Handle("GET /hello", httpx.RequireUser(svc)(http.HandlerFunc(hello)))
	log.Fatal(http.ListenAndServe("localhost:8080", mux))
}

func hello(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	fmt.Fprintf(w, "Hello, %s!\n", user.Username)
}

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
	svc, err := kit.New(store.Users(), store.Tokens(), keys, &kit.Options{
		Mailer:     mailer,
		PublicURL:  "https://example.com",
		BcryptCost: 4, InsecureFastHash: true, // an example need not be safe
		OnEvent: func(context.Context, kit.Event) {},
	})
	check(err)
	_, err = svc.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Correct-Horse-7"})
	check(err)
	check(svc.Close(ctx)) // waits for the mails
	// Output: verification to ada@example.com
}
