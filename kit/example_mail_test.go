package kit_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// The mailed token sets a new password once, and ends every session.
func ExampleService_ResetPassword() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mailer := &kittest.Mailer{} // keeps the mails, for tests
	svc := exampleService(kit.Options{Mailer: mailer, PublicURL: "https://app.example.com"})
	registerAda(svc)
	if _, err := mailer.Next(ctx); err != nil { // the verification mail
		panic(err)
	}
	tokens := loginAda(svc)

	fmt.Println(svc.RequestPasswordReset(ctx, exampleEmail))
	fmt.Println(svc.RequestPasswordReset(ctx, "nobody@example.com")) // the same answer, and no mail
	mail, err := mailer.Next(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(svc.ResetPassword(ctx, string(mail.Token), "Notes-on-G-1842"))
	fmt.Println(svc.ResetPassword(ctx, string(mail.Token), "Another-One-1842"))
	_, err = svc.Refresh(ctx, string(tokens.RefreshToken))
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// kit: the token was revoked
	// kit: the token was revoked
}

// With RequireVerifiedEmail users log in only after they have verified their address.
func ExampleService_VerifyEmail() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mailer := &kittest.Mailer{}
	svc := exampleService(kit.Options{Mailer: mailer, PublicURL: "https://app.example.com", RequireVerifiedEmail: true})
	registerAda(svc)
	_, err := svc.Login(ctx, exampleEmail, examplePassword)
	fmt.Println(err)

	mail, err := mailer.Next(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(mail.Kind, mail.To)
	fmt.Println(svc.VerifyEmail(ctx, string(mail.Token)))
	fmt.Println(loginAda(svc).User.Verified)
	// Output:
	// kit: the email address is not verified
	// verification ada@example.com
	// <nil>
	// true
}

// paging reports changed passwords by phone too, if it has the number.
type paging struct{ numbers map[string]string }

func (p paging) Send(_ context.Context, m kit.Mail) error {
	if m.Kind != kit.MailPasswordChanged {
		return kit.Permanent(fmt.Errorf("paging: no message of kind %q", m.Kind))
	}
	number, ok := p.numbers[m.To]
	if !ok {
		// No retry will find one.
		return kit.Permanent(errors.New("paging: no number for this account"))
	}
	fmt.Println("call", number)
	return nil
}

// A mailer marks the errors that another attempt cannot mend.
func ExamplePermanent() {
	mailer := paging{map[string]string{"ada@example.com": "+44 20 7946 0000"}}
	fmt.Println(mailer.Send(context.Background(), kit.Mail{Kind: kit.MailPasswordChanged, To: "ada@example.com"}))
	fmt.Println(mailer.Send(context.Background(), kit.Mail{Kind: kit.MailPasswordChanged, To: "eve@example.com"}))
	// Output:
	// call +44 20 7946 0000
	// <nil>
	// paging: no number for this account
}
