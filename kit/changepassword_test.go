package kit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

// endings are what ends all sessions but the one that asks for it.
var endings = map[string]func(*kit.Service, *harness, accesstoken.Claims) (kit.TokenPair, error){
	"ChangePassword": func(s *kit.Service, h *harness, claims accesstoken.Claims) (kit.TokenPair, error) {
		return s.ChangePassword(h.t.Context(), claims, goodPassword, otherPassword)
	},
	"EndOtherSessions": func(s *kit.Service, h *harness, claims accesstoken.Claims) (kit.TokenPair, error) {
		return s.EndOtherSessions(h.t.Context(), claims)
	},
}

// alive reports whether a session can be refreshed, and checks that its access token is no longer
// alive than it is.
func (h *harness) alive(tokens kit.TokenPair) bool {
	h.t.Helper()
	_, _, accessErr := h.AuthenticateLive(h.t.Context(), string(tokens.AccessToken))
	_, err := h.refresh(tokens.RefreshToken)
	if err != nil {
		h.wantErr("a refresh", err, kit.ErrRevokedToken)
		h.wantErr("the access token of an ended session", accessErr, kit.ErrRevokedToken)
	}
	return err == nil
}

func TestChangePassword(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	own := h.login(testEmail, goodPassword)
	claims := h.claims(own)
	_, err := h.ChangePassword(t.Context(), claims, otherPassword, otherPassword)
	h.wantErr("a wrong current password", err, kit.ErrInvalidCredentials)
	_, err = h.ChangePassword(t.Context(), claims, goodPassword, "short")
	var invalid *kit.ValidationError
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != "new_password" {
		t.Errorf("a short password: %v", err)
	}
	if h.count(kit.EventPasswordChanged) != 0 {
		t.Error("the password was changed")
	}
	if _, err := h.ChangePassword(t.Context(), claims, goodPassword, otherPassword); err != nil {
		t.Fatal(err)
	}
	if mail := h.nextMail(kit.MailPasswordChanged); mail.To != testEmail {
		t.Errorf("the notice went to %s", mail.To)
	}
	if e := h.last(kit.EventPasswordChanged); e.UserID != u.ID || e.SessionID != claims.SessionID {
		t.Errorf("the event is %+v", e)
	}
	_, err = h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the old password", err, kit.ErrInvalidCredentials)
	h.login(testEmail, otherPassword)
}

// TestOwnSessionLivesOn (claim 46): all other sessions, access tokens and reset tokens are dead, and
// the own session goes on as it was.
func TestOwnSessionLivesOn(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.register(testEmail)
			other, own := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
			reset := h.resetToken(testEmail)
			h.clock.Advance(time.Minute)
			before := h.claims(own)
			fresh, err := end(h.Service, h, before)
			if err != nil {
				t.Fatal(err)
			}
			after := h.claims(fresh)
			if fresh.RefreshToken != "" || fresh.ExpiresIn != 30*time.Minute || after.SessionID != before.SessionID || !after.AuthTime.Equal(before.AuthTime) {
				t.Errorf("got %+v with %+v, before it %+v", fresh, after, before)
			}
			_, _, err = h.Authenticate(t.Context(), string(own.AccessToken))
			h.wantErr("the own access token from before", err, kit.ErrRevokedToken)
			_, _, err = h.Authenticate(t.Context(), string(other.AccessToken))
			h.wantErr("another's access token", err, kit.ErrRevokedToken)
			if h.alive(other) {
				t.Error("another session lives")
			}
			own = h.mustRefresh(own.RefreshToken)
			h.claims(own)
			h.wantErr("a reset token from before", h.ResetPassword(t.Context(), reset, otherPassword), kit.ErrRevokedToken)
			_, err = end(h.Service, h, before)
			h.wantErr("with the claims from before", err, kit.ErrRevokedToken)
			if err := h.Logout(t.Context(), string(own.RefreshToken)); err != nil {
				t.Fatal(err)
			}
			_, err = end(h.Service, h, h.claims(own))
			h.wantErr("with an access token of a session that is over", err, kit.ErrRevokedToken)
		})
	}
}

// TestCrashLeavesNoOtherSession (claim 46): whatever call of a store is the last one, either nothing
// has changed, or no session of before lives but the own one.
func TestCrashLeavesNoOtherSession(t *testing.T) {
	for name, end := range endings {
		for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Panic} {
			changed, done := 0, false
			for calls := 0; !done; calls++ {
				h := newHarness(t)
				u, _ := h.register(testEmail)
				other, own := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
				claims := h.claims(own)
				h.faults.InjectAfter("*", fault, calls)
				fresh, err := crashing(func() (kit.TokenPair, error) { return end(h.Service, h, claims) })
				h.faults.Clear()
				at := fmt.Sprintf("%s, %v after %d calls (%v)", name, fault, calls, err)
				stored, readErr := h.store.Users().ByID(t.Context(), u.ID)
				if readErr != nil {
					t.Fatal(readErr)
				}
				switch otherLives, ownLives := h.alive(other), h.alive(own); {
				case stored.SessionEpoch == u.SessionEpoch && !(otherLives && ownLives && stored.PasswordHash == u.PasswordHash):
					t.Errorf("%s: nothing was written, and of the sessions live: other %v, own %v", at, otherLives, ownLives)
				case stored.SessionEpoch > u.SessionEpoch && otherLives:
					t.Errorf("%s: another session lives", at)
				case err == nil && !ownLives:
					t.Errorf("%s: the own session is dead", at)
				case stored.SessionEpoch > u.SessionEpoch:
					changed++
				}
				if done = err == nil; done {
					h.claims(fresh)
				}
				if calls > 20 {
					t.Fatalf("%s: it never ends", at)
				}
			}
			if changed < 2 { // before the own session was let live on, and after
				t.Errorf("%s, fault %v: %d calls were cut after the first write", name, fault, changed)
			}
		}
	}
}

// crashing turns a panic into an error.
func crashing(call func() (kit.TokenPair, error)) (tokens kit.TokenPair, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return call()
}

// TestEndingsAtOnce: of all sessions that end the others at once, one lives on.
func TestEndingsAtOnce(t *testing.T) {
	for name, end := range endings {
		for range 5 {
			h := newHarness(t)
			h.register(testEmail)
			instances := []*kit.Service{h.Service, h.another()}
			sessions := make([]kit.TokenPair, 16)
			claims := make([]accesstoken.Claims, len(sessions))
			for i := range sessions {
				sessions[i] = h.login(testEmail, goodPassword)
				claims[i] = h.claims(sessions[i])
			}
			won, alive := 0, 0
			for i, err := range race(len(sessions), func(i int) error { _, err := end(instances[i%2], h, claims[i]); return err }) {
				lives := h.alive(sessions[i])
				if err == nil {
					won++
				} else if !errors.Is(err, kit.ErrRevokedToken) && !errors.Is(err, kit.ErrInvalidCredentials) {
					t.Errorf("%s: %v", name, err)
				}
				if lives {
					alive++
				}
				if lives != (err == nil) {
					t.Errorf("%s: error %v, and its session lives: %v", name, err, lives)
				}
			}
			if won != 1 || alive != 1 {
				t.Errorf("%s: %d won, and %d sessions live", name, won, alive)
			}
		}
	}
}

// TestOthersEndedInTheSameInstant: two sessions that end each other write the same record, and one
// of them lives on.
func TestOthersEndedInTheSameInstant(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	one, other := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
	claims := h.claims(other)
	h.faults.OnCall("users.Update", func() {
		_, err := h.EndOtherSessions(t.Context(), claims)
		h.wantErr("the first", err, nil)
	})
	_, err := h.EndOtherSessions(t.Context(), h.claims(one))
	h.wantErr("the second", err, kit.ErrRevokedToken)
	if h.alive(one) || !h.alive(other) {
		t.Error("it is not the first that lives")
	}
}

// TestAllSessionsEndedMeanwhile: a session that another call has ended since does not live on,
// although the write that ended the others was this one's.
func TestAllSessionsEndedMeanwhile(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	own := h.login(testEmail, goodPassword)
	stores := h.store.Stores()
	stores.Users = &meddler{UserStore: stores.Users, meddle: func() {
		if err := h.EndAllSessions(t.Context(), u.ID); err != nil {
			t.Error(err)
		}
	}}
	_, err := h.over(stores).ChangePassword(t.Context(), h.claims(own), goodPassword, otherPassword)
	h.wantErr("the change", err, kit.ErrRevokedToken)
	if h.alive(own) {
		t.Error("a session lives that was ended with all others")
	}
	h.nextMail(kit.MailPasswordChanged)
	h.login(testEmail, otherPassword)
}
