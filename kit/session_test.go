package kit_test

import (
	"testing"
	"time"

	"myauth.internal/kit"
)

func TestSessions(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	a := h.login(testEmail, goodPassword)
	h.login(testEmail, goodPassword)
	h.clock.Advance(time.Hour)
	a = h.mustRefresh(a.RefreshToken)
	_, claims, err := h.Authenticate(t.Context(), string(a.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	h.resetToken(testEmail) // is a token of the user, and no session
	ended := h.login(testEmail, goodPassword)
	if err := h.Logout(t.Context(), string(ended.RefreshToken)); err != nil {
		t.Fatal(err)
	}
	list, err := h.Sessions(t.Context(), u.ID)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for _, s := range list {
		want := start
		if s.ID == claims.SessionID {
			want = start.Add(time.Hour)
		}
		if !s.CreatedAt.Equal(start) || !s.LastUsedAt.Equal(want) {
			t.Errorf("got %+v", s)
		}
	}
	if err := h.EndSession(t.Context(), "somebody else", claims.SessionID); err != nil {
		t.Fatal(err)
	}
	a = h.mustRefresh(a.RefreshToken)
	for range 2 { // the second call finds it ended
		if err := h.EndSession(t.Context(), u.ID, claims.SessionID); err != nil {
			t.Fatal(err)
		}
	}
	_, err = h.refresh(a.RefreshToken)
	h.wantErr("the ended session", err, kit.ErrRevokedToken)
	if list, _ := h.Sessions(t.Context(), u.ID); len(list) != 1 {
		t.Errorf("%d sessions are left, want 1", len(list))
	}
	for range 230 { // more than the service reads at once
		h.login(testEmail, goodPassword)
	}
	if list, err := h.Sessions(t.Context(), u.ID); len(list) != 231 || err != nil {
		t.Errorf("%d sessions, %v after 230 logins, want 231", len(list), err)
	}
}

func TestEpochAndDeactivation(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	access := string(tokens.AccessToken)
	if _, claims, err := h.Authenticate(t.Context(), access); err != nil || claims.Subject != u.ID {
		t.Fatal(claims, err)
	}
	for range 2 {
		if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := h.Authenticate(t.Context(), access)
	h.wantErr("an access token of a disabled account", err, kit.ErrAccountDisabled)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("a session of a disabled account", err, kit.ErrAccountDisabled)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("that session again", err, kit.ErrRevokedToken)
	if _, err := h.Activate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.Authenticate(t.Context(), access)
	h.wantErr("the old access token after reactivation", err, kit.ErrRevokedToken)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("the old session after reactivation", err, kit.ErrRevokedToken)
	tokens = h.login(testEmail, goodPassword)
	if err := h.EndAllSessions(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("a session after the end of all", err, kit.ErrRevokedToken)
	tokens = h.login(testEmail, goodPassword)
	h.clock.Advance(30 * time.Minute)
	_, _, err = h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("an access token at its end", err, kit.ErrExpiredToken)
	_, _, err = h.Authenticate(t.Context(), string(tokens.RefreshToken))
	h.wantErr("a refresh token as access token", err, kit.ErrInvalidToken)
}
