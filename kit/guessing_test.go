package kit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
	"myauth.internal/kit/throttle/shared"
)

// source is the address of one of a thousand strangers.
func source(i int) string {
	return netip.AddrFrom4([4]byte{203, 0, byte(i % 1000 >> 8), byte(i % 1000)}).String()
}

// Ten thousand wrong passwords from a thousand addresses, among them the owner's: at every step
// the owner logs in at once, with a device token, or without one after a reset (claim 39).
func TestTenThousandGuesses(t *testing.T) {
	h := newHarness(t, throttled, func(o *kit.Options) {
		o.WithoutMails = []kit.MailKind{kit.MailPasswordGuessing, kit.MailNewDevice}
	})
	h.verified(testEmail)
	h.verified("bob@example.com")
	device := h.loginFrom(h.from(source(7), firefox, ""), testEmail, goodPassword).DeviceToken
	compared := 0
	for i := range 10_000 {
		email := []string{testEmail, "bob@example.com"}[i%2]
		_, err := h.Login(h.from(source(i), "", ""), email, fmt.Sprint("guess ", i))
		switch {
		case errors.Is(err, kit.ErrInvalidCredentials):
			compared++
		case !errors.Is(err, throttle.ErrTooManyRequests):
			t.Fatalf("guess %d: %v", i, err)
		}
		h.clock.Advance(10 * time.Millisecond)
		if i%500 == 499 {
			h.loginFrom(h.from(source(7), firefox, device), testEmail, goodPassword)
		}
		if i%1000 == 999 {
			h.clock.Advance(12 * time.Minute) // for the mail
			token := h.resetToken("bob@example.com")
			bobs := fmt.Sprint(otherPassword, i)
			h.wantErr("reset", h.ResetPassword(t.Context(), token, bobs), nil)
			h.nextMail(kit.MailPasswordChanged)
			h.loginFrom(h.from("198.51.100.1", firefox, ""), "bob@example.com", bobs)
		}
	}
	// After each login of an owner strangers have a new row: five at once, and one a second later.
	if compared > (20+10)*15 {
		t.Errorf("%d of 10,000 guesses are compared", compared)
	}
}

// Of 64 guesses at once where one is due, one is compared, and 50 right logins at once are 50
// logins (claim 40).
func TestGuessesAtOnce(t *testing.T) {
	h := newHarness(t, throttled, func(o *kit.Options) { o.WithoutMails = []kit.MailKind{kit.MailPasswordGuessing} })
	h.verified(testEmail)
	for round := range 3 {
		for i := range 8 {
			_, _ = h.Login(t.Context(), testEmail, fmt.Sprint("guess ", round, i))
			h.clock.Advance(16 * time.Second)
		}
		h.clock.Advance(24 * time.Hour)
		compared := 0
		for _, err := range race(64, func(i int) error {
			_, err := h.Login(h.from(source(i), "", ""), testEmail, fmt.Sprint("at once ", round, i))
			return err
		}) {
			if errors.Is(err, kit.ErrInvalidCredentials) {
				compared++
			} else if !errors.Is(err, throttle.ErrTooManyRequests) {
				t.Error(err)
			}
		}
		if compared != 1 {
			t.Errorf("%d of 64 guesses at once are compared, want 1", compared)
		}
		h.clock.Advance(24 * time.Hour)
		for _, err := range race(50, func(i int) error {
			_, err := h.Login(h.from(source(i), "", ""), testEmail, goodPassword)
			return err
		}) {
			h.wantErr("a right login of 50 at once", err, nil)
		}
	}
}

// Four instances, whose clocks differ, compare a hundred guesses in a row of strangers and no
// more, and all know when the owner was there (claim 41).
func TestAHundredGuessesOverFourInstances(t *testing.T) {
	h := newHarness(t)
	h.verified(testEmail)
	var services []*kit.Service
	for _, skew := range []time.Duration{0, 20 * time.Second, -30 * time.Second, time.Hour} {
		services = append(services, h.over(h.faults.Stores(h.store.Stores()), func(o *kit.Options) {
			o.Limiter = throttle.New(&throttle.Options{Shared: shared.New(h.store.Tokens()), Logger: o.Logger})
			o.Now = func() time.Time { return h.clock.Now().Add(skew) }
			o.WithoutMails = []kit.MailKind{kit.MailPasswordGuessing}
		}))
	}
	h.Service = services[2]
	device := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword).DeviceToken
	row := func() int {
		var compared atomic.Int64
		for round := range 110 {
			race(4, func(i int) error {
				_, err := services[i].Login(h.from(source(round*4+i), "", ""), testEmail, fmt.Sprint("guess ", round, i))
				if errors.Is(err, kit.ErrInvalidCredentials) {
					compared.Add(1)
				} else if !errors.Is(err, throttle.ErrTooManyRequests) {
					t.Error(err)
				}
				return nil
			})
			h.clock.Advance(20 * time.Minute)
		}
		return int(compared.Load())
	}
	if got := row(); got != 100 {
		t.Errorf("%d guesses in a row are compared, want 100", got)
	}
	h.loginFrom(h.from("192.0.2.1", firefox, device), testEmail, goodPassword)
	if got := row(); got != 100 {
		t.Errorf("after the owner's login %d guesses in a row are compared, want 100", got)
	}
}

// failing are shared buckets that are away, hang, or work.
type failing struct {
	throttle.Buckets
	fault atomic.Pointer[string]
}

func (f *failing) Change(ctx context.Context, n int, change func([]byte) []byte) error {
	switch *f.fault.Load() {
	case "away":
		return errors.New("connection refused")
	case "hangs":
		<-ctx.Done()
		return ctx.Err()
	}
	return f.Buckets.Change(ctx, n, change)
}

// While the shared counts are away or hang, logins go on as before, soon, and guesses are
// counted nevertheless (claim 42).
func TestTheSharedThrottleIsAway(t *testing.T) {
	var buckets failing
	h := newHarness(t, func(o *kit.Options) { o.WithoutMails = []kit.MailKind{kit.MailPasswordGuessing} })
	h.verified(testEmail)
	h.verified("bob@example.com")
	buckets.Buckets = shared.New(h.store.Tokens())
	h.Service = h.over(h.faults.Stores(h.store.Stores()), func(o *kit.Options) {
		o.Limiter = throttle.New(&throttle.Options{Shared: &buckets, Logger: o.Logger})
	})
	for _, fault := range []string{"works", "away", "hangs", "works"} {
		buckets.fault.Store(&fault)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if _, err := h.Login(t.Context(), "bob@example.com", goodPassword); err != nil {
					t.Errorf("%s: %v", fault, err)
				}
			})
		}
		all.Wait()
		refused := false
		for i := range 10 {
			_, err := h.Login(t.Context(), testEmail, fmt.Sprint(fault, i))
			refused = refused || errors.Is(err, throttle.ErrTooManyRequests)
		}
		if !refused {
			t.Errorf("%s: guesses are not counted", fault)
		}
		h.clock.Advance(time.Hour)
	}
}

// TestOwnerIsToldOfGuessing at the twentieth wrong guess and at the last.
func TestOwnerIsToldOfGuessing(t *testing.T) {
	h := newHarness(t, throttled)
	u := h.verified(testEmail)
	for i := range 100 {
		_, err := h.Login(t.Context(), testEmail, fmt.Sprint("guess ", i))
		h.wantErr("guess", err, kit.ErrInvalidCredentials)
		if i+1 == 20 || i+1 == 100 {
			if m := h.nextMail(kit.MailPasswordGuessing); m.To != u.Email || m.Link+m.Token != "" {
				t.Errorf("got the mail %+v", m)
			}
		}
		h.clock.Advance(15 * time.Minute)
	}
	if n := h.count(kit.EventPasswordGuessing); n != 2 || h.last(kit.EventPasswordGuessing).UserID != u.ID {
		t.Errorf("%d events", n)
	}
}
