package kittest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// exampleT stands for the *testing.T of a test, which an example does not have.
type exampleT struct{ cleanup []func() }

func (*exampleT) Helper()                           {}
func (*exampleT) Context() context.Context          { return context.Background() }
func (*exampleT) Output() io.Writer                 { return io.Discard }
func (*exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleT) Cleanup(f func())                { t.cleanup = append(t.cleanup, f) }

func (t *exampleT) end() {
	for _, f := range slices.Backward(t.cleanup) {
		f()
	}
}

// orders is a handler of the application: for staff only.
func orders(svc *kit.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		user, _, err := svc.Authenticate(r.Context(), token) // or the middleware of package httpx
		switch {
		case err != nil:
			http.Error(w, "log in", http.StatusUnauthorized)
		case !user.HasRole("staff"):
			http.Error(w, "for staff", http.StatusForbidden)
		default:
			fmt.Fprintf(w, "the orders, for %s", user.Username)
		}
	})
}

// A test of a handler begins with a user who is logged in, in one call.
func ExampleNew() {
	t := &exampleT{} // in a test: func TestOrders(t *testing.T)
	defer t.end()

	k := kittest.New(t)
	handler := orders(k.Service)
	for _, role := range []string{"customer", "staff"} {
		_, tokens := k.LogIn("ada@example.com", role)
		request := httptest.NewRequest(http.MethodGet, "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+string(tokens.AccessToken))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		fmt.Println(answer.Code, strings.TrimSpace(answer.Body.String()))
	}
	// Output:
	// 403 for staff
	// 200 the orders, for ada
}

// An access token ends to the second.
func ExampleClock() {
	t := &exampleT{} // in a test: its *testing.T
	defer t.end()

	k := kittest.New(t)
	_, tokens := k.LogIn("ada@example.com")
	k.Clock.Advance(30*time.Minute - time.Second)
	_, _, err := k.Authenticate(t.Context(), string(tokens.AccessToken))
	fmt.Println(err)
	k.Clock.Advance(time.Second)
	_, _, err = k.Authenticate(t.Context(), string(tokens.AccessToken))
	fmt.Println(err)
	// Output:
	// <nil>
	// kit: the token has expired
}

// A test takes the token out of the mail, as the user does.
func ExampleMailer() {
	t := &exampleT{} // in a test: its *testing.T
	defer t.end()

	k := kittest.New(t)
	if _, err := k.Register(t.Context(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: kittest.Password}); err != nil {
		panic(err)
	}
	mail := k.NextMail(kit.MailVerification)
	fmt.Println(mail.To)
	fmt.Println(k.VerifyEmail(t.Context(), string(mail.Token)))
	// Output:
	// ada@example.com
	// <nil>
}

// What an application does while its database is down, and afterwards.
func ExampleFaults() {
	t := &exampleT{} // in a test: its *testing.T
	defer t.end()

	k := kittest.New(t)
	k.LogIn("ada@example.com")
	k.Faults.Inject("users.ByEmail", kittest.Down, 1)
	_, err := k.Login(t.Context(), "ada@example.com", kittest.Password)
	fmt.Println(errors.Is(err, kit.ErrUnavailable), errors.Is(err, kit.ErrInvalidCredentials))
	_, err = k.Login(t.Context(), "ada@example.com", kittest.Password)
	fmt.Println(err)

	// The answer to a write is lost after the database has done it.
	k.Faults.Inject("users.Create", kittest.Lost, 1)
	user, err := k.Register(t.Context(), kit.Registration{Email: "grace@example.com", Username: "Grace", Password: "Compiler#1952"})
	fmt.Println(user.Username, err)
	// Output:
	// true false
	// <nil>
	// Grace <nil>
}
