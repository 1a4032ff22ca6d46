package kit_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestRefreshRotates(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	first := h.login(testEmail, goodPassword)
	if first.RefreshTokenExpiresIn != 7*24*time.Hour || first.ExpiresIn != 30*time.Minute {
		t.Errorf("lifetimes are %v and %v", first.RefreshTokenExpiresIn, first.ExpiresIn)
	}
	h.clock.Advance(time.Hour)
	second := h.mustRefresh(first.RefreshToken)
	if second.RefreshToken == first.RefreshToken {
		t.Error("the refresh token was not replaced")
	}
	if second.RefreshTokenExpiresIn != 7*24*time.Hour {
		t.Errorf("a refresh starts the idle lifetime anew, got %v", second.RefreshTokenExpiresIn)
	}
	if _, _, err := h.Authenticate(t.Context(), string(second.AccessToken)); err != nil {
		t.Error("the new access token:", err)
	}
}

func TestRefreshParentWithinGraceGetsTheSameSuccessor(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	first := h.login(testEmail, goodPassword)
	second := h.mustRefresh(first.RefreshToken)
	h.clock.Advance(10 * time.Second)
	for range 3 {
		if again := h.mustRefresh(first.RefreshToken); again.RefreshToken != second.RefreshToken {
			t.Fatal("the parent got another successor")
		}
	}
	h.clock.Advance(time.Microsecond)
	_, err := h.refresh(first.RefreshToken)
	h.wantErr("the parent after the grace", err, kit.ErrRevokedToken)
	_, err = h.refresh(second.RefreshToken)
	h.wantErr("the session after the reuse", err, kit.ErrRevokedToken)
	if n := h.count(kit.EventSessionReused); n != 1 {
		t.Errorf("%d reuse events, want 1", n)
	}
}

// TestRefreshSuccessorWithinGraceIsAnsweredWithItself: a session rotates at most once in
// a grace, so the successor comes back with another access token and without a write.
func TestRefreshSuccessorWithinGraceIsAnsweredWithItself(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	second := h.mustRefresh(h.login(testEmail, goodPassword).RefreshToken)
	writes, events := h.faults.Calls("tokens.Update"), h.count(kit.EventSessionRefreshed)
	h.clock.Advance(10 * time.Second)
	again := h.mustRefresh(second.RefreshToken)
	if again.RefreshToken != second.RefreshToken || again.AccessToken == second.AccessToken {
		t.Error("want the same refresh token and another access token")
	}
	if want := 7*24*time.Hour - 10*time.Second; again.RefreshTokenExpiresIn != want || again.ExpiresIn != 30*time.Minute {
		t.Errorf("lifetimes are %v and %v, want %v and 30m", again.RefreshTokenExpiresIn, again.ExpiresIn, want)
	}
	if n := h.faults.Calls("tokens.Update") - writes; n != 0 {
		t.Errorf("%d writes, want none", n)
	}
	if n := h.count(kit.EventSessionRefreshed) - events; n != 1 {
		t.Errorf("%d events, want 1: tokens were handed out", n)
	}
	h.clock.Advance(time.Microsecond)
	third := h.mustRefresh(second.RefreshToken)
	if third.RefreshToken == second.RefreshToken || third.RefreshTokenExpiresIn != 7*24*time.Hour {
		t.Error("not rotated after the grace")
	}
}

// TestRefreshWithAGraceLongerThanTheIdleLifetime: a session that is in use does not run
// out because it was not rotated.
func TestRefreshWithAGraceLongerThanTheIdleLifetime(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) {
		o.RefreshTokenTTL, o.RefreshGrace, o.SessionMaxAge = 10*time.Second, 30*time.Second, 25*time.Second
	})
	h.register(testEmail)
	first := h.login(testEmail, goodPassword).RefreshToken
	second := h.mustRefresh(first).RefreshToken
	for i, left := range []time.Duration{10 * time.Second, 9 * time.Second, 1 * time.Second} { // 8, 16 and 24 of 25 s
		h.clock.Advance(8 * time.Second)
		token := []kit.Secret{second, first}[i%2]
		if got := h.mustRefresh(token); got.RefreshToken != second || got.RefreshTokenExpiresIn != left {
			t.Errorf("after %d s: %v are left, want %v", 8*(i+1), got.RefreshTokenExpiresIn, left)
		}
	}
	h.clock.Advance(time.Second)
	_, err := h.refresh(second)
	h.wantErr("at the end of the absolute lifetime", err, kit.ErrExpiredToken)
}

// TestRefreshRenewalThatFails: the renewal is no reason to refuse.
func TestRefreshRenewalThatFails(t *testing.T) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Conflict} {
		h := newHarness(t, func(o *kit.Options) { o.RefreshTokenTTL = 10 * time.Second })
		h.register(testEmail)
		second := h.mustRefresh(h.login(testEmail, goodPassword).RefreshToken)
		h.clock.Advance(8 * time.Second)
		h.faults.Inject("tokens.Update", fault, 1)
		if got := h.mustRefresh(second.RefreshToken); got.RefreshTokenExpiresIn != 2*time.Second {
			t.Errorf("fault %d: %v are left, want 2s", fault, got.RefreshTokenExpiresIn)
		}
	}
}

func TestRefreshGrandparentEndsTheSession(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	first := h.login(testEmail, goodPassword)
	other := h.login(testEmail, goodPassword)
	second := h.mustRefresh(first.RefreshToken)
	h.clock.Advance(11 * time.Second)
	third := h.mustRefresh(second.RefreshToken)
	_, err := h.refresh(first.RefreshToken)
	h.wantErr("the grandparent", err, kit.ErrRevokedToken)
	_, err = h.refresh(third.RefreshToken)
	h.wantErr("the current token after the reuse", err, kit.ErrRevokedToken)
	h.mustRefresh(other.RefreshToken) // another session of the same user lives
}

func TestRefreshInParallel(t *testing.T) {
	for range 5 {
		h := newHarness(t)
		h.register(testEmail)
		first := h.login(testEmail, goodPassword)
		got := make([]kit.Secret, 50)
		for _, err := range race(50, func(i int) error {
			tokens, err := h.refresh(first.RefreshToken)
			got[i] = tokens.RefreshToken
			return err
		}) {
			if err != nil {
				t.Fatal("one of many refreshes at once:", err)
			}
		}
		for _, token := range got {
			if token != got[0] {
				t.Fatal("refreshes at once got different successors")
			}
		}
		h.mustRefresh(got[0])
	}
}

func TestRefreshInParallelWithoutGraceHasOneWinner(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.RefreshGrace = -1 })
	h.register(testEmail)
	first := h.login(testEmail, goodPassword)
	won := 0
	for _, err := range race(50, func(int) error {
		_, err := h.refresh(first.RefreshToken)
		return err
	}) {
		if err == nil {
			won++
		} else if !errors.Is(err, kit.ErrRevokedToken) {
			t.Error("a loser got", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 50 won, want 1", won)
	}
}

func TestRefreshLifetimes(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	idle := h.login(testEmail, goodPassword)
	h.clock.Advance(7*24*time.Hour - time.Microsecond)
	used := h.mustRefresh(idle.RefreshToken)
	h.clock.Advance(7 * 24 * time.Hour)
	_, err := h.refresh(used.RefreshToken)
	h.wantErr("at the end of the idle lifetime", err, kit.ErrExpiredToken)

	tokens := h.login(testEmail, goodPassword)
	for range 5 {
		h.clock.Advance(5 * 24 * time.Hour)
		tokens = h.mustRefresh(tokens.RefreshToken)
	}
	if left := tokens.RefreshTokenExpiresIn; left != 5*24*time.Hour {
		t.Errorf("%v are left of 30 days after 25, want 5 days", left)
	}
	h.clock.Advance(5 * 24 * time.Hour)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("at the end of the absolute lifetime", err, kit.ErrExpiredToken)
}

func TestRefreshWithTheClockSetBack(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	first := h.login(testEmail, goodPassword)
	h.mustRefresh(first.RefreshToken)
	h.clock.Advance(-time.Hour)
	_, err := h.refresh(first.RefreshToken)
	h.wantErr("the parent an hour before its rotation", err, kit.ErrRevokedToken)
}

func TestRefreshRefusesWhatIsNotAToken(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	token := string(tokens.RefreshToken)
	before := h.faults.Calls("tokens.ByID")
	flip := func(i int) string {
		c := byte('A')
		if token[i] == 'A' {
			c = 'B'
		}
		return token[:i] + string(c) + token[i+1:]
	}
	bad := []string{
		"", "x", token[:len(token)-1], token + "A", token + "AAAA", token + token, token + "=", " " + token, token + "\n",
		token[:20] + "\n" + token[21:], strings.ToUpper(token), strings.ToLower(token),
		strings.Replace(token, "rt", "pr", 1), string(tokens.AccessToken), flip(len(token) - 1), flip(12), flip(40),
	}
	for _, b := range bad {
		_, err := h.refresh(kit.Secret(b))
		h.wantErr("a malformed token", err, kit.ErrInvalidToken)
	}
	if n := h.faults.Calls("tokens.ByID") - before; n != 0 {
		t.Errorf("malformed tokens cost %d queries, want none", n)
	}
	h.mustRefresh(tokens.RefreshToken) // none of this hurt the session
}

func TestRefreshSurvivesStorageFaults(t *testing.T) {
	for _, op := range []string{"tokens.ByID", "users.ByID", "tokens.Update"} {
		for _, fault := range []kittest.Fault{kittest.Down, kittest.Hang, kittest.Lost} {
			bubble(t, func(t *testing.T, h *harness) {
				h.register(testEmail)
				tokens := h.login(testEmail, goodPassword)
				h.faults.Inject(op, fault, 1)
				next, err := h.refresh(tokens.RefreshToken)
				lostWrite := op == "tokens.Update" && fault == kittest.Lost
				if lostWrite != (err == nil) || err != nil && !errors.Is(err, kit.ErrUnavailable) {
					t.Errorf("%s with fault %d: got %v", op, fault, err)
				}
				if err != nil {
					next = h.mustRefresh(tokens.RefreshToken)
				}
				h.mustRefresh(next.RefreshToken)
				if n := h.count(kit.EventSessionReused); n != 0 {
					t.Errorf("%s with fault %d: the session was taken for stolen", op, fault)
				}
			})
		}
	}
}

func TestRefreshLostAnswerWithoutGrace(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.RefreshGrace = -1 })
	h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	h.faults.Inject("tokens.Update", kittest.Lost, 1)
	h.mustRefresh(h.mustRefresh(tokens.RefreshToken).RefreshToken)
}

func TestSameSession(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	a, b := h.login(testEmail, goodPassword).RefreshToken, h.login(testEmail, goodPassword).RefreshToken
	next := h.mustRefresh(a).RefreshToken
	for _, tc := range []struct {
		a, b kit.Secret
		want bool
	}{{a, a, true}, {a, next, true}, {next, a, true}, {a, b, false}, {"", "", false}, {"x", "x", false}, {a, a + "x", false}} {
		if got := kit.SameSession(string(tc.a), string(tc.b)); got != tc.want {
			t.Errorf("got %t", got)
		}
	}
}

func TestLogoutEndsItsOwnSessionOnly(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	a, b := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
	for range 2 {
		if err := h.Logout(t.Context(), string(a.RefreshToken)); err != nil {
			t.Fatal("logout:", err)
		}
	}
	_, err := h.refresh(a.RefreshToken)
	h.wantErr("refresh after logout", err, kit.ErrRevokedToken)
	h.mustRefresh(b.RefreshToken)
	if err := h.Logout(t.Context(), "nonsense"); err != nil {
		t.Error("logout of nonsense:", err)
	}
	h.faults.Inject("tokens.Update", kittest.Down, 1)
	h.wantErr("logout without a store", h.Logout(t.Context(), string(b.RefreshToken)), kit.ErrUnavailable)
	h.faults.Inject("tokens.Update", kittest.Lost, 1)
	if err := h.Logout(t.Context(), string(b.RefreshToken)); err != nil {
		t.Error("logout whose answer was lost:", err)
	}
}
