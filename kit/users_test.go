package kit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestRoles(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	steps := []struct {
		do   func() (kit.User, error)
		want []string
	}{
		{func() (kit.User, error) { return h.SetRoles(t.Context(), u.ID, "b", "a", "b", "ä ö") }, []string{"b", "a", "ä ö"}},
		{func() (kit.User, error) { return h.AddRole(t.Context(), u.ID, "c") }, []string{"b", "a", "ä ö", "c"}},
		{func() (kit.User, error) { return h.AddRole(t.Context(), u.ID, "a") }, []string{"b", "a", "ä ö", "c"}},
		{func() (kit.User, error) { return h.RemoveRole(t.Context(), u.ID, "b") }, []string{"a", "ä ö", "c"}},
		{func() (kit.User, error) { return h.RemoveRole(t.Context(), u.ID, "zzz") }, []string{"a", "ä ö", "c"}},
	}
	for i, s := range steps {
		if got, err := s.do(); err != nil || !slices.Equal(got.Roles, s.want) {
			t.Errorf("step %d: %v, %v, want %v", i, got.Roles, err, s.want)
		}
	}
	for _, bad := range []string{"", strings.Repeat("r", 65), "\xff", "a\x00b"} {
		if _, err := h.AddRole(t.Context(), u.ID, bad); err == nil {
			t.Errorf("the role %q was accepted", bad)
		}
	}
	many := make([]string, 70)
	for i := range many {
		many[i] = fmt.Sprintf("%03d%s", i, strings.Repeat("\u0001", 10))
	}
	if _, err := h.SetRoles(t.Context(), u.ID, many...); err == nil {
		t.Error("roles that no access token could carry were accepted")
	}
	if _, err := h.SetRoles(t.Context(), u.ID, many[:60]...); err != nil {
		t.Error(err)
	}
	tokens := h.login(testEmail, goodPassword)
	if _, claims, err := h.Authenticate(t.Context(), string(tokens.AccessToken)); err != nil || len(claims.Roles) != 60 {
		t.Error("as many roles as there may be:", len(claims.Roles), err)
	}
	_, err := h.AddRole(t.Context(), "nobody", "a")
	h.wantErr("a role for nobody", err, kit.ErrUserNotFound)
}

func TestConcurrentChangesLoseNothing(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	for i, err := range race(20, func(i int) error {
		_, err := h.AddRole(t.Context(), u.ID, fmt.Sprint("role", i))
		return err
	}) {
		if err != nil {
			t.Errorf("role %d: %v", i, err)
		}
	}
	if got, _ := h.UserByID(t.Context(), u.ID); len(got.Roles) != 20 {
		t.Errorf("%d roles are left of 20", len(got.Roles))
	}
}

func TestChangeWhoseAnswerWasLost(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	h.faults.Inject("users.Update", kittest.Lost, 1)
	if _, err := h.SetUsername(t.Context(), u.ID, "Countess"); err != nil {
		t.Error(err)
	}
	h.faults.Inject("users.Update", kittest.Lost, 1)
	if err := h.EndAllSessions(t.Context(), u.ID); err != nil {
		t.Error(err)
	}
	if got, _ := h.UserByID(t.Context(), u.ID); got.Username != "Countess" || got.SessionEpoch != 1 {
		t.Errorf("got %+v", got)
	}
	h.faults.Inject("users.Delete", kittest.Lost, 1)
	if err := h.DeleteUser(t.Context(), u.ID); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	deep := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1))
	}
	big := func(n int) json.RawMessage {
		return json.RawMessage(`{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`)
	}
	for name, ok := range map[string]json.RawMessage{"deep": deep(16), "big": big(16 << 10), "nil": nil, "empty": json.RawMessage("{}")} {
		if _, err := h.SetSettings(t.Context(), u.ID, ok); err != nil {
			t.Error(name, err)
		}
	}
	for name, bad := range map[string]json.RawMessage{
		"too deep": deep(17), "too big": big(16<<10 + 1), "array": json.RawMessage("[]"), "null": json.RawMessage("null"),
		"two": json.RawMessage("{}{}"), "repeated": json.RawMessage(`{"a":1,"a":2}`), "nothing": {},
	} {
		if _, err := h.SetSettings(t.Context(), u.ID, bad); err == nil {
			t.Error(name, "was accepted")
		}
	}
}

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

func TestChangeEmail(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	h.register("bob@example.com")
	tokens, reset := h.login(testEmail, goodPassword), h.resetToken(testEmail)
	_, err := h.ChangeEmail(t.Context(), u.ID, "BOB@example.com")
	h.wantErr("an address of another account", err, kit.ErrUserExists)
	tokens = h.mustRefresh(tokens.RefreshToken)
	if _, err := h.ChangeEmail(t.Context(), u.ID, "new@example.com"); err != nil {
		t.Fatal(err)
	}
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("a session from before", err, kit.ErrRevokedToken)
	_, _, err = h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("an access token from before", err, kit.ErrRevokedToken)
	h.wantErr("a reset token from before", h.ResetPassword(t.Context(), reset, otherPassword), kit.ErrRevokedToken)
	_, err = h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the old address", err, kit.ErrInvalidCredentials)
	h.login("new@example.com", goodPassword)
	if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "Ann", Password: goodPassword}); err != nil {
		t.Errorf("registering the old address: %v", err)
	}
}

func TestDeleteUser(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	h.login(testEmail, goodPassword)
	if err := h.DeleteUser(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("an access token of a deleted user", err, kit.ErrRevokedToken)
	if rows, _ := h.store.Tokens().ByUser(t.Context(), u.ID, "", 10); len(rows) != 0 {
		t.Errorf("%d tokens are left", len(rows))
	}
	h.wantErr("again", h.DeleteUser(t.Context(), u.ID), kit.ErrUserNotFound)
	h.register(testEmail) // the address is free
}

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

func TestUserJSON(t *testing.T) {
	u := kit.User{
		ID: "id", Email: "a@b.c", Username: "A \"quote\" <b> \u2028 \U0001F600", PasswordHash: "$2b$secret", Roles: []string{"x"},
		Settings: json.RawMessage(`{"n":1.0}`), Active: true, SessionEpoch: 7, CreatedAt: start, UpdatedAt: start.Add(time.Microsecond), Version: 9,
	}
	got, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"id","email":"a@b.c","username":"A \"quote\" \u003cb\u003e \u2028 😀","roles":["x"],"user_settings":{"n":1.0},"is_verified":false,"is_active":true,"created_at":"2026-11-23T12:00:00.000000Z","updated_at":"2026-11-23T12:00:00.000001Z"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if empty, _ := json.Marshal(kit.User{}); !strings.Contains(string(empty), `"roles":[],"user_settings":{}`) {
		t.Errorf("an empty user is %s", empty)
	}
}

// In a User, as a store returns it, empty settings are none.
func TestImportWithEmptySettings(t *testing.T) {
	h := newHarness(t)
	u, err := h.Import(t.Context(), kit.User{Email: testEmail, Username: "Ada", Settings: []byte{}, Active: true})
	if err != nil || string(u.Settings) != "{}" {
		t.Errorf("got settings %q, %v", u.Settings, err)
	}
}
