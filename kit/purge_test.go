package kit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestPurgeExpired(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	for i := range 2500 {
		token := kit.Token{
			ID: fmt.Sprintf("%022d", i), Type: kit.RefreshToken, UserID: u.ID, SecretHash: make([]byte, 32),
			CreatedAt: start.Add(-time.Hour), ExpiresAt: start.Add(-time.Minute), Version: 1,
		}
		if err := h.store.Tokens().Create(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	live := h.login(testEmail, goodPassword)
	if n, err := h.PurgeExpired(t.Context(), start.Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("purged %d, %v before anything expired", n, err)
	}
	if n, err := h.PurgeExpired(t.Context(), start.Add(1000*time.Hour)); n != 2500 || err != nil {
		t.Errorf("purged %d, %v, want 2500", n, err)
	}
	if n := h.faults.Calls("tokens.DeleteExpired"); n != 4 {
		t.Errorf("%d batches, want 1 and 3", n)
	}
	h.mustRefresh(live.RefreshToken)
}

// At the start and then at each interval, tokens and credentials go a day after they expired, and
// not before. Errors and panics of a store do not end it; its context and Close do.
func TestPurgeEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(o *kit.Options) { o.Now = time.Now })
		left := func() (n int) {
			for _, store := range []kit.TokenStore{h.store.Tokens(), h.store.Credentials()} {
				rows, err := store.ByUser(t.Context(), "u", "", 10)
				if err != nil {
					t.Fatal(err)
				}
				n += len(rows)
			}
			return n
		}
		for i, expires := range []time.Duration{-25 * time.Hour, -23*time.Hour - 30*time.Minute, time.Hour} {
			row := kit.Token{ID: strings.Repeat(string(rune('a'+i)), 22), Type: "t", UserID: "u", ExpiresAt: time.Now().Add(expires), Version: 1}
			if err := errors.Join(h.store.Tokens().Create(t.Context(), row), h.store.Credentials().Create(t.Context(), row)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.PurgeEvery(ctx, time.Hour) }()
		for _, step := range []struct {
			wait  time.Duration
			fault kittest.Fault
			want  int
		}{
			{0, 0, 4}, {59 * time.Minute, 0, 4}, {time.Minute, 0, 2}, {23 * time.Hour, 0, 2},
			{time.Hour, kittest.Panic, 2}, {time.Hour, kittest.Down, 2}, {time.Hour, 0, 0},
		} {
			if step.fault != 0 {
				h.faults.Inject("tokens.DeleteExpired", step.fault, 1)
			}
			time.Sleep(step.wait) // of the bubble's clock
			synctest.Wait()
			if got := left(); got != step.want {
				t.Errorf("%v later: %d rows, want %d", step.wait, got, step.want)
			}
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.PurgeEvery(t.Context(), time.Hour); !errors.Is(err, kit.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}
