package kit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/password"
	"myauth.internal/kit/throttle"
)

// An After hook runs within the request and has its context. It should hand over work that
// takes longer.
func ExampleHooks_afterRegister() {
	welcome := make(chan string, 16)
	svc := exampleService(kit.Options{Hooks: kit.Hooks{
		AfterRegister: func(_ context.Context, u kit.User) {
			select {
			case welcome <- u.ID:
			default: // full: the request must not wait
			}
		},
	}})
	user := registerAda(svc)
	fmt.Println(<-welcome == user.ID)
	// Output: true
}

// A Before hook refuses logins for reasons of the application.
func ExampleHooks_beforeLogin() {
	var maintenance = errors.New("the shop is closed") // becomes internal_error over HTTP
	svc := exampleService(kit.Options{Hooks: kit.Hooks{
		BeforeLogin: func(_ context.Context, u kit.User) error {
			if !u.HasRole("staff") {
				return maintenance
			}
			return nil
		},
	}})
	user := registerAda(svc)
	_, err := svc.Login(context.Background(), exampleEmail, examplePassword)
	fmt.Println(err)
	if _, err := svc.AddRole(context.Background(), user.ID, "staff"); err != nil {
		panic(err)
	}
	fmt.Println(loginAda(svc).User.Roles)
	// Output:
	// the shop is closed
	// [staff]
}

// perAccount limits the logins of one account in each window. It counts for one process;
// several servers need shared counters.
type perAccount struct {
	attempts int
	window   time.Duration
	now      func() time.Time

	mu    sync.Mutex
	since time.Time
	seen  map[string]int
}

func (l *perAccount) Begin(_ context.Context, a throttle.Attempt) (throttle.Charge, error) {
	if a.Action != throttle.ActionLogin {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.since) >= l.window {
		l.since, l.seen = now, map[string]int{} // also what keeps the map small
	}
	l.seen[a.EmailKey]++
	if l.seen[a.EmailKey] > l.attempts {
		return nil, &throttle.LimitError{RetryAfter: l.since.Add(l.window).Sub(now)}
	}
	return nil, nil
}

// A limiter is asked before anything is looked up or hashed. It gets the submitted address,
// whether or not an account has it, and the client's IP address.
func ExampleLimiter() {
	clock := kittest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	limiter := &perAccount{attempts: 3, window: time.Minute, now: clock.Now}
	svc := exampleService(kit.Options{Limiter: limiter, Now: clock.Now})
	registerAda(svc)

	for range 4 {
		_, err := svc.Login(context.Background(), "ADA@example.com", "a guess")
		fmt.Println(err)
	}
	var limited *throttle.LimitError
	_, err := svc.Login(context.Background(), exampleEmail, examplePassword)
	fmt.Println(errors.As(err, &limited), errors.Is(err, throttle.ErrTooManyRequests), limited.RetryAfter)
	clock.Advance(time.Minute)
	fmt.Println(loginAda(svc).User.Username)
	// Output:
	// kit: wrong email or password
	// kit: wrong email or password
	// kit: wrong email or password
	// throttle: too many requests: retry in 1m0s
	// true true 1m0s
	// Ada
}

// The audit stream has what happened, to which account and from where, and no secret. OnEvent
// is called within the request, so it should return soon.
func ExampleEvent() {
	svc := exampleService(kit.Options{OnEvent: func(_ context.Context, e kit.Event) {
		fmt.Println(e.Kind, "from", e.Client.IP, e.UserID != "", e.SessionID != "", e.Err)
	}})
	registerAda(svc)
	ctx := kit.WithClient(context.Background(), kit.Client{IP: netip.MustParseAddr("192.0.2.7")}) // package httpx does this
	_, _ = svc.Login(ctx, exampleEmail, "a guess")
	_, _ = svc.Login(ctx, "nobody@example.com", "a guess")
	_, _ = svc.Login(ctx, exampleEmail, examplePassword)
	// Output:
	// user_registered from invalid IP true false <nil>
	// login_failed from 192.0.2.7 true false kit: wrong email or password
	// login_failed from 192.0.2.7 false false kit: wrong email or password
	// logged_in from 192.0.2.7 true true <nil>
}

// Every broken rule is reported at once, with a code for programs.
func ExampleValidationError() {
	svc := exampleService(kit.Options{PasswordPolicy: password.Strict})
	_, err := svc.Register(context.Background(), kit.Registration{Email: "Ada <ada@example.com>", Username: "Ada", Password: "short"})
	var invalid *kit.ValidationError
	if errors.As(err, &invalid) {
		for _, f := range invalid.Fields {
			fmt.Println(f.Field, f.Code)
		}
	}
	// Output:
	// email invalid_email
	// password too_short
	// password missing_uppercase
	// password missing_digit
	// password missing_special
}
