package kit_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
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

// TestSessionsAreOwnAndLive (claim 45): of all records, the list has the live sessions of one user,
// and nothing that would log in or lead to a record.
func TestSessionsAreOwnAndLive(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.RefreshTokenTTL, o.SessionMaxAge = 48*time.Hour, 72*time.Hour })
	u := h.verified(testEmail)
	h.login(testEmail, goodPassword) // is over at its idle end
	old := h.login(testEmail, goodPassword)
	for range 3 { // and this one at its absolute end
		h.clock.Advance(24 * time.Hour)
		if next, err := h.refresh(old.RefreshToken); err == nil {
			old = next
		}
	}
	h.login(testEmail, goodPassword)
	if err := h.EndAllSessions(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	ended := h.login(testEmail, goodPassword)
	over(h, ended)
	h.verified("bob@example.com")
	bob := h.login("bob@example.com", goodPassword)
	want := []string{}
	for range 2 {
		tokens := h.mustRefresh(h.login(testEmail, goodPassword).RefreshToken)
		want = append(want, h.claims(tokens).SessionID)
	}
	h.resetToken(testEmail)
	h.changeToken(h.claims(h.login(testEmail, goodPassword)), "new@example.com")
	list, err := h.Sessions(t.Context(), u.ID)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	text := fmt.Sprintf("%+v", list)
	for _, id := range want {
		if !slices.ContainsFunc(list, func(s kit.Session) bool { return s.ID == id }) {
			t.Errorf("no session %s in %s", id, text)
		}
	}
	rows, err := h.store.Tokens().ByUser(t.Context(), u.ID, "", 1000)
	if err != nil || len(rows) < 8 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, secret := range []string{row.ID, hex.EncodeToString(row.SecretHash), base64.RawURLEncoding.EncodeToString(row.SecretHash), fmt.Sprint(row.SecretHash)} {
			if strings.Contains(text, secret) {
				t.Errorf("the list has %s of %v", secret, row)
			}
		}
	}
	// Neither a session of another's nor one that nobody has can be ended.
	for _, id := range []string{h.claims(bob).SessionID, "no such session", ""} {
		if err := h.EndSession(t.Context(), u.ID, id); err != nil {
			t.Error(err)
		}
	}
	h.mustRefresh(bob.RefreshToken)
	if list, err := h.Sessions(t.Context(), u.ID); err != nil || len(list) != 3 {
		t.Errorf("%d sessions are left, %v", len(list), err)
	}
}

// TestAuthenticateLive: it sees the end of one session, which Authenticate does not.
func TestAuthenticateLive(t *testing.T) {
	for name, end := range map[string]func(h *harness, u kit.User, tokens kit.TokenPair) error{
		"a logout": func(h *harness, _ kit.User, tokens kit.TokenPair) error {
			return h.Logout(t.Context(), string(tokens.RefreshToken))
		},
		"its end from a list": func(h *harness, u kit.User, tokens kit.TokenPair) error {
			return h.EndSession(t.Context(), u.ID, h.claims(tokens).SessionID)
		},
		"a reuse": func(h *harness, _ kit.User, tokens kit.TokenPair) error {
			h.mustRefresh(tokens.RefreshToken)
			h.clock.Advance(time.Minute)
			h.refresh(tokens.RefreshToken)
			return nil
		},
	} {
		h := newHarness(t)
		u := h.verified(testEmail)
		tokens, other := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
		live := func(pair kit.TokenPair) error {
			_, _, err := h.AuthenticateLive(t.Context(), string(pair.AccessToken))
			return err
		}
		if got, claims, err := h.AuthenticateLive(t.Context(), string(tokens.AccessToken)); err != nil || got.ID != u.ID || claims.SessionID != h.claims(tokens).SessionID {
			t.Errorf("before %s: %+v, %+v, %v", name, got, claims, err)
		}
		if err := end(h, u, tokens); err != nil {
			t.Fatal(err)
		}
		h.wantErr("after "+name, live(tokens), kit.ErrRevokedToken)
		h.wantErr("another session after "+name, live(other), nil)
		h.claims(tokens) // Authenticate
		if got, claims, err := h.AuthenticateLive(t.Context(), string(tokens.AccessToken)); err == nil || got.ID != "" || claims.Subject != "" {
			t.Errorf("after %s: %+v, %+v, %v", name, got, claims, err)
		}
		if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		h.wantErr("a disabled account", live(other), kit.ErrAccountDisabled)
	}
	h := newHarness(t)
	_, _, err := h.AuthenticateLive(t.Context(), "no token")
	h.wantErr("no token", err, kit.ErrInvalidToken)
}
