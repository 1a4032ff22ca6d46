package mailx_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing/fstest"
	"time"

	"myauth.internal/kit"
	"myauth.internal/mailx"
)

func ExampleNew() {
	mailer, err := mailx.New(mailx.Config{
		Host:     "relay.example",
		Username: "shop",
		Password: kit.Secret(os.Getenv("RELAY_PASSWORD") + "not empty"),
	}, &mailx.Options{
		From: "Shop <no-reply@shop.example>",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var _ kit.Mailer = mailer // for kit.Options.Mailer
	fmt.Println(mailer)
	// Output: mailx.Mailer{relay.example:587 over STARTTLS, user "shop", auth ""}
}

func ExampleParseURL() {
	for _, raw := range []string{
		"smtp://shop:p%40ss@relay.example",
		"smtps://relay.example",
		"smtp://localhost?tls=none",
		"smtp://shop:p#ss@relay.example",
	} {
		cfg, err := mailx.ParseURL(raw)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(cfg)
	}
	// Output:
	// {relay.example:587 over STARTTLS, user "shop", auth ""}
	// {relay.example:465 over implicit TLS, user "", auth ""}
	// {localhost:25 over insecure plaintext, user "", auth ""}
	// mailx: not a URL of the form smtp://user:password@host:port, or special characters in user or password are not percent-encoded
}

func ExampleNewLog() {
	var log strings.Builder // or os.Stderr
	mailer, err := mailx.NewLog(&log, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	err = mailer.Send(context.Background(), kit.Mail{
		Kind: kit.MailPasswordReset, To: "ada@example.com", Username: "Ada", Link: "http://127.0.0.1:8080/reset-password?token=myauth_pr_abc", Token: "myauth_pr_abc",
		Now: now, ValidUntil: now.Add(15 * time.Minute),
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Contains(log.String(), "http://127.0.0.1:8080/reset-password?token=myauth_pr_abc"))
	// Output: true
}

// An application replaces the mails that it wants to word itself; most embed a
// folder and pass fs.Sub of it.
func ExampleOptions_templates() {
	mailer, err := mailx.NewLog(os.Stdout, &mailx.Options{
		ProductName: "Laden",
		Templates: fstest.MapFS{
			"verification.txt": {Data: []byte(`{{define "subject"}}{{.ProductName}}: Adresse bestätigen{{end}}
Guten Tag{{with .Name}}, {{.}}{{end}}!

Bis {{.ValidUntil.Format "02.01.2006 15:04"}}: {{.Link}}`)},
			"verification.html": {Data: []byte(`<p lang="de"><a href="{{.Link}}">Adresse bestätigen</a></p>`)},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	err = mailer.Send(context.Background(), kit.Mail{
		Kind: kit.MailVerification, To: "ada@example.com", Username: "Ada", Link: "https://laden.example/verify-email?token=abc", Token: "abc",
		Now: now, ValidUntil: now.Add(24 * time.Hour),
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// --- mail, printed and not sent ---
	//   To: ada@example.com
	//   Subject: Laden: Adresse bestätigen
	//
	//   Guten Tag, Ada!
	//
	//   Bis 02.07.2026 12:00: https://laden.example/verify-email?token=abc
	// --- end of mail ---
}

// A feature's kind of mail has the feature's own text, and the application words it in the
// languages of its users.
func ExampleOptions_languages() {
	mailer, err := mailx.NewLog(os.Stdout, &mailx.Options{
		ProductName: "Laden",
		Kinds:       []kit.MailKind{"new_terms"},
		Templates: fstest.MapFS{
			"new_terms.de.txt":  {Data: []byte(`{{define "subject"}}Neues Gerät{{end}}Angemeldet hat sich {{.Data.device}}.`)},
			"new_terms.de.html": {Data: []byte(`<p lang="de">Angemeldet hat sich {{.Data.device}}.</p>`)},
			"layout.txt":        {Data: []byte(`{{define "layout"}}{{template "content" .}}{{end}}`)},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, locale := range []string{"de-AT", "en"} {
		err = mailer.Send(context.Background(), kit.Mail{
			Kind: "new_terms", To: "ada@example.com", Locale: locale, Data: map[string]string{"device": "Firefox"},
			Subject: "A new device at {{.ProductName}}", Text: "{{.Data.device}} has signed in.",
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// --- mail, printed and not sent ---
	//   To: ada@example.com
	//   Subject: Neues Gerät
	//
	//   Angemeldet hat sich Firefox.
	// --- end of mail ---
	// --- mail, printed and not sent ---
	//   To: ada@example.com
	//   Subject: A new device at Laden
	//
	//   Firefox has signed in.
	// --- end of mail ---
}
