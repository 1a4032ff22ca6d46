package kit_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

type limiterFunc func(throttle.Attempt) error

func (f limiterFunc) Begin(_ context.Context, a throttle.Attempt) (throttle.Charge, error) {
	return nil, f(a)
}

func TestLimiterIsAskedWithTheCanonicalEmailAndAddress(t *testing.T) {
	var seen []throttle.Attempt
	h := newHarness(t, func(o *kit.Options) {
		o.Limiter = limiterFunc(func(a throttle.Attempt) error {
			seen = append(seen, a)
			return &throttle.LimitError{RetryAfter: time.Minute}
		})
	})
	ctx := kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr("192.0.2.7")})
	_, err := h.Login(ctx, testEmail, goodPassword)
	h.wantErr("login", err, throttle.ErrTooManyRequests)
	_, err = h.Register(ctx, kit.Registration{Email: testEmail, Username: "a", Password: goodPassword})
	h.wantErr("register", err, throttle.ErrTooManyRequests)
	h.wantErr("reset request", h.RequestPasswordReset(ctx, testEmail), throttle.ErrTooManyRequests)
	h.wantErr("verification request", h.RequestEmailVerification(ctx, testEmail), throttle.ErrTooManyRequests)
	if len(seen) != 4 {
		t.Fatalf("asked %d times, want 4", len(seen))
	}
	for _, a := range seen {
		if a.EmailKey != "ada@example.com" || a.IP.String() != "192.0.2.7" {
			t.Errorf("asked with %+v", a)
		}
	}
}

// TestLimiterIsAskedBeforeTheWork: a refused call costs no hash, and no look-up but that of a
// user who is logged in.
func TestLimiterIsAskedBeforeTheWork(t *testing.T) {
	limiting := false
	h := newHarness(t, func(o *kit.Options) {
		o.Limiter = limiterFunc(func(throttle.Attempt) error {
			if limiting {
				return &throttle.LimitError{RetryAfter: time.Minute}
			}
			return nil
		})
	})
	_, verification := h.register(testEmail)
	session := h.login(testEmail, goodPassword)
	claims := h.claims(session)
	reset, move := h.resetToken(testEmail), h.changeToken(claims, "new@example.com")
	limiting = true
	for name, call := range map[string]func(ctx context.Context) error{
		"Login": func(ctx context.Context) error { _, err := h.Login(ctx, testEmail, goodPassword); return err },
		"Register": func(ctx context.Context) error {
			_, err := h.Register(ctx, kit.Registration{Email: "other@example.com", Username: "o", Password: goodPassword})
			return err
		},
		"Refresh":                  func(ctx context.Context) error { _, err := h.Refresh(ctx, string(session.RefreshToken)); return err },
		"RequestPasswordReset":     func(ctx context.Context) error { return h.RequestPasswordReset(ctx, testEmail) },
		"ResetPassword":            func(ctx context.Context) error { return h.ResetPassword(ctx, reset, otherPassword) },
		"RequestEmailVerification": func(ctx context.Context) error { return h.RequestEmailVerification(ctx, testEmail) },
		"VerifyEmail":              func(ctx context.Context) error { return h.VerifyEmail(ctx, string(verification.Token)) },
		"DenyEmail":                func(ctx context.Context) error { return h.DenyEmail(ctx, string(verification.Token)) },
		"Reauthenticate": func(ctx context.Context) error {
			_, err := h.Reauthenticate(ctx, claims, goodPassword)
			return err
		},
		"RequestEmailChange": func(ctx context.Context) error { return h.RequestEmailChange(ctx, claims, "new@example.com") },
		"ConfirmEmailChange": func(ctx context.Context) error { return h.ConfirmEmailChange(ctx, move) },
		"ChangePassword": func(ctx context.Context) error {
			_, err := h.ChangePassword(ctx, claims, goodPassword, otherPassword)
			return err
		},
	} {
		work := func() [3]int {
			calls := 0
			for _, op := range []string{"users.ByEmail", "users.Create", "users.Update", "users.Delete", "tokens.Create", "tokens.ByID", "tokens.Update"} {
				calls += h.faults.Calls(op)
			}
			users := h.faults.Calls("users.ByID")
			if slices.Contains([]string{"ChangePassword", "Reauthenticate", "RequestEmailChange"}, name) {
				users = 0 // a guess counts for the account that is signed in
			}
			return [3]int{int(h.Stats().Hashing.Admitted), calls, users}
		}
		before := work()
		h.wantErr(name, call(t.Context()), throttle.ErrTooManyRequests)
		if after := work(); after != before {
			t.Errorf("%s: hashes, calls of stores and users read went from %v to %v before the limiter refused", name, before, after)
		}
	}
}
