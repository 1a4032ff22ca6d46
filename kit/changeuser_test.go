package kit_test

import (
	"context"
	"fmt"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

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
	if err := h.rename(u.ID, "Countess"); err != nil {
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

// meddler lets somebody else write right behind the next update of a user, whose own
// answer is then lost.
type meddler struct {
	kit.UserStore
	meddle func()
}

func (m *meddler) Update(ctx context.Context, u kit.User) error {
	err := m.UserStore.Update(ctx, u)
	if meddle := m.meddle; meddle != nil && err == nil {
		m.meddle = nil
		meddle()
		return kit.ErrUnavailable
	}
	return err
}

// TestLostAnswerAndSomebodyElsesWrite: a write that happened is not taken for
// another's because the record has moved on since.
func TestLostAnswerAndSomebodyElsesWrite(t *testing.T) {
	plain := newHarness(t)
	m := &meddler{UserStore: plain.store.Users()}
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t)
	stores := plain.store.Stores()
	stores.Users = m
	h.Service, err = kit.New(stores, keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, Mailer: h.mailer, PublicURL: "https://app.example.com", OnEvent: discardEvents,
	})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := h.register(testEmail)
	rename := func() {
		stored, err := plain.store.Users().ByID(context.Background(), u.ID)
		if err != nil {
			t.Error(err)
		}
		stored.Username = "somebody else's"
		if err := plain.store.Users().Update(context.Background(), stored); err != nil {
			t.Error(err)
		}
	}
	token := h.resetToken(testEmail)
	m.meddle = rename
	if err := h.ResetPassword(t.Context(), token, otherPassword); err != nil {
		t.Error("reset:", err)
	}
	h.nextMail(kit.MailPasswordChanged)
	m.meddle = rename
	if err := h.changePassword(otherPassword, goodPassword); err != nil {
		t.Error("change of password:", err)
	}
	h.nextMail(kit.MailPasswordChanged)
	m.meddle = rename
	if _, err := h.ChangeEmail(t.Context(), u.ID, "new@example.com"); err != nil {
		t.Error("change of address:", err)
	}
	if _, notice := h.changedEmail(); notice.To != testEmail {
		t.Errorf("the notice went to %s", notice.To)
	}
}

// TestConflictAndThenAnOutage: the server goes down between a lost race and the look
// at who won it. That is an outage, and neither a conflict nor a bug.
func TestConflictAndThenAnOutage(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	for name, call := range map[string]func() error{
		"refresh": func() error { _, err := h.refresh(tokens.RefreshToken); return err },
		"logout":  func() error { return h.Logout(t.Context(), string(tokens.RefreshToken)) },
		"change":  func() error { return h.rename(u.ID, "x") },
	} {
		h.faults.Inject("tokens.Update", kittest.Conflict, 1)
		h.faults.Inject("users.Update", kittest.Conflict, 1)
		h.faults.InjectAfter("tokens.ByID", kittest.Down, 1)
		h.faults.InjectAfter("users.ByID", kittest.Down, 1)
		h.wantErr(name, call(), kit.ErrUnavailable)
		h.faults.Clear()
	}
	h.mustRefresh(tokens.RefreshToken)
}

func TestWritesOutliveTheClient(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	token := h.resetToken(testEmail)
	ctx, cancel := context.WithCancel(t.Context())
	h.faults.OnCall("users.Update", cancel) // the client goes as its write begins
	if err := h.ResetPassword(ctx, token, otherPassword); err != nil {
		t.Error("reset:", err)
	}
	h.nextMail(kit.MailPasswordChanged)
	ctx, cancel = context.WithCancel(t.Context())
	h.faults.OnCall("tokens.Update", cancel)
	tokens = h.login(testEmail, otherPassword)
	if err := h.Logout(ctx, string(tokens.RefreshToken)); err != nil {
		t.Error("logout:", err)
	}
	_, err := h.refresh(tokens.RefreshToken)
	h.wantErr("after that logout", err, kit.ErrRevokedToken)
}
