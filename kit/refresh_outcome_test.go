package kit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// TestRotationOfUnknownOutcome: the write of a rotation happened, and neither it nor the
// look at it was answered. Nothing remembers that: the client can repeat the call within the
// grace, and the parent counts as a reuse at any time after it.
func TestRotationOfUnknownOutcome(t *testing.T) {
	for _, tc := range []struct {
		grace, wait time.Duration
		want        error
	}{
		{0, 0, nil},
		{0, 10 * time.Second, nil},
		{0, 10*time.Second + time.Microsecond, kit.ErrRevokedToken},
		{0, 72 * time.Hour, kit.ErrRevokedToken},
		{-1, 0, kit.ErrRevokedToken},
	} {
		for _, retried := range []bool{false, true} { // at another instance, within the grace
			h := newHarness(t, func(o *kit.Options) { o.RefreshGrace = tc.grace })
			h.register(testEmail)
			tokens := h.login(testEmail, goodPassword)
			h.faults.Inject("tokens.Update", kittest.Lost, 1)
			h.faults.InjectAfter("tokens.ByID", kittest.Down, 1)
			_, err := h.refresh(tokens.RefreshToken)
			h.wantErr("during the outage", err, kit.ErrUnavailable)
			h.faults.Clear()
			if retried && tc.grace >= 0 {
				if _, err := h.another().Refresh(t.Context(), string(tokens.RefreshToken)); err != nil {
					t.Error("at another instance:", err)
				}
			}
			h.clock.Advance(tc.wait)
			next, err := h.refresh(tokens.RefreshToken)
			if !errors.Is(err, tc.want) {
				t.Errorf("grace %v, %v later: got error %v, want %v", tc.grace, tc.wait, err, tc.want)
			}
			if tc.want == nil {
				h.mustRefresh(next.RefreshToken)
			} else if n := h.count(kit.EventSessionReused); n != 1 {
				t.Errorf("grace %v, %v later: %d reuse events, want 1", tc.grace, tc.wait, n)
			}
		}
	}
}

func TestRefreshOnAnInstanceWhoseClockIsBehind(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	first := h.login(testEmail, goodPassword)
	second := h.mustRefresh(first.RefreshToken)
	h.clock.Advance(-30 * time.Second)
	if again := h.mustRefresh(first.RefreshToken); again.RefreshToken != second.RefreshToken {
		t.Error("another successor")
	}
	if _, _, err := h.Authenticate(t.Context(), string(second.AccessToken)); err != nil {
		t.Error("the other instance's access token:", err)
	}
}

// lateStore answers an update as timed out, and lets it land when it is told to.
type lateStore struct {
	kit.TokenStore
	land func()
}

func (s *lateStore) Update(ctx context.Context, t kit.Token) error {
	if s.land == nil {
		s.land = func() { _ = s.TokenStore.Update(context.Background(), t) }
		return kit.ErrUnavailable
	}
	return s.TokenStore.Update(ctx, t)
}

// TestRotationThatLandsLate: the look at the outcome finds nothing yet, and the write
// lands before the client tries again, or right between the read and the write of that.
func TestRotationThatLandsLate(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Minute} {
		h := newHarness(t)
		h.register(testEmail)
		token := string(h.login(testEmail, goodPassword).RefreshToken)
		late := &lateStore{TokenStore: h.store.Tokens()}
		s := h.over(h.withTokens(late))
		_, err := s.Refresh(t.Context(), token)
		h.wantErr("the store did not answer in time", err, kit.ErrUnavailable)
		if wait == 0 {
			late.land()
		} else {
			h.clock.Advance(wait) // the token is still the current one when the retry reads it
			h.faults.OnCall("users.ByID", late.land)
		}
		next, err := s.Refresh(t.Context(), token)
		if err != nil {
			t.Fatalf("%v later: %v", wait, err)
		}
		if _, err := s.Refresh(t.Context(), string(next.RefreshToken)); err != nil {
			t.Errorf("the successor, %v later: %v", wait, err)
		}
	}
}

// slowStore does what is asked and then answers later than any deadline. While meet is
// set, each rotation waits for the others, so that all of them have read before one writes.
type slowStore struct {
	kit.TokenStore
	meet *sync.WaitGroup
}

func (s *slowStore) Update(ctx context.Context, t kit.Token) error {
	if s.meet != nil && t.RevokedAt.IsZero() {
		s.meet.Done()
		s.meet.Wait()
	}
	if err := s.TokenStore.Update(ctx, t); err != nil && !errors.Is(err, kit.ErrConflict) {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestRefreshOverASlowStoreHasOneWinner: no write is answered in time, so that every
// caller has to look who won.
func TestRefreshOverASlowStoreHasOneWinner(t *testing.T) {
	for _, grace := range []time.Duration{-1, time.Second, 10 * time.Second} {
		bubble(t, func(t *testing.T, h *harness) {
			h.register(testEmail)
			change := func(o *kit.Options) { o.RefreshGrace = grace; o.StoreTimeout = 2 * time.Second; o.Now = time.Now }
			store := &slowStore{TokenStore: h.store.Tokens()}
			instances := []*kit.Service{h.over(h.withTokens(store), change), h.over(h.withTokens(store), change)}
			for round := range 4 {
				login, err := instances[0].Login(t.Context(), testEmail, goodPassword)
				if err != nil {
					t.Fatal(err)
				}
				if store.meet = nil; round%2 == 0 {
					store.meet = &sync.WaitGroup{}
					store.meet.Add(50)
				}
				successors := make([]kit.Secret, 50)
				won := 0
				for i, err := range race(50, func(i int) error {
					tokens, err := instances[i%2].Refresh(t.Context(), string(login.RefreshToken))
					successors[i] = tokens.RefreshToken
					return err
				}) {
					switch {
					case err == nil:
						won++
					case grace >= 0 || !errors.Is(err, kit.ErrRevokedToken):
						t.Errorf("round %d, grace %v: caller %d got %v", round, grace, i, err)
					}
					if grace >= 0 && successors[i] != successors[0] {
						t.Errorf("round %d, grace %v: caller %d got another successor", round, grace, i)
					}
				}
				if grace < 0 && won != 1 {
					t.Errorf("round %d: %d of 50 won, want 1", round, won)
				}
			}
		})
	}
}

// TestRefreshWhoseSuccessorIsReplacedMeanwhile: by the time that a call learns of its own
// write, another caller has got the successor and used it up. The call comes late, but its
// token was the current one, and its client keeps the session.
func TestRefreshWhoseSuccessorIsReplacedMeanwhile(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	first := h.login(testEmail, goodPassword).RefreshToken
	other := h.another()
	var third kit.TokenPair
	s := h.over(h.withTokens(&interruptedStore{TokenStore: h.store.Tokens(), then: func() {
		second, err := other.Refresh(t.Context(), string(first))
		if err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(11 * time.Second)
		if third, err = other.Refresh(t.Context(), string(second.RefreshToken)); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(11 * time.Second)
	}}))
	got, err := s.Refresh(t.Context(), string(first))
	if err != nil || got.RefreshToken != third.RefreshToken {
		t.Errorf("got error %v, want the current token", err)
	}
}

// interruptedStore does one update, has something else happen, and loses the answer.
type interruptedStore struct {
	kit.TokenStore
	then func()
}

func (s *interruptedStore) Update(ctx context.Context, t kit.Token) error {
	err := s.TokenStore.Update(ctx, t)
	if then := s.then; then != nil {
		s.then = nil
		then()
		return kit.ErrUnavailable
	}
	return err
}
