package kit_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// TestWithin: nothing of what happens in a transaction is heard of before release, nor without
// it, and the stores outside are left alone.
func TestWithin(t *testing.T) {
	r := &recorder{}
	var mu sync.Mutex
	var hooks []string
	hear := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		hooks = append(hooks, name)
	}
	h := newHarness(t, func(o *kit.Options) {
		o.Limiter = r
		o.Hooks = kit.Hooks{
			BeforeRegister: func(context.Context, kit.Registration) error { hear("BeforeRegister"); return nil },
			AfterRegister:  func(context.Context, kit.User) { hear("AfterRegister") },
			AfterLogin:     func(context.Context, kit.User) { hear("AfterLogin") },
		}
	})
	tx := memstore.New().Stores() // what a rollback would drop
	within, release := h.Within(tx)
	u, err := within.Register(t.Context(), kit.Registration{Email: testEmail, Username: "Ada", Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := within.Login(t.Context(), testEmail, goodPassword); err != nil {
		t.Fatal(err)
	}
	if _, err := h.UserByID(t.Context(), u.ID); !errors.Is(err, kit.ErrUserNotFound) {
		t.Errorf("outside there is %v", err)
	}
	if len(hooks) != 3 || len(r.begun) != 2 || len(r.done) != 2 {
		t.Errorf("hooks %v, limiter %v and %v", hooks, r.begun, r.done)
	}
	if n := h.count(kit.EventRegistered) + h.count(kit.EventLoggedIn); n != 0 || h.Stats().MailsReady != 0 {
		t.Errorf("%d events before the commit", n)
	}
	// The commit.
	if err := h.store.Users().Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	release()
	if mail := h.nextMail(kit.MailVerification); mail.To != testEmail {
		t.Errorf("a mail to %s", mail.To)
	}
	release() // once is enough
	if h.count(kit.EventRegistered) != 1 || h.count(kit.EventLoggedIn) != 1 || h.last(kit.EventRegistered).UserID != u.ID {
		t.Errorf("events %v", h.events)
	}

	// Without release nothing was ever heard.
	dropped, _ := h.Within(memstore.New().Stores())
	if _, err := dropped.Register(t.Context(), kit.Registration{Email: "bob@example.com", Username: "Bob", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	if h.count(kit.EventRegistered) != 1 {
		t.Error("an event without the commit")
	}

	// Tokens in another database stay where they are.
	users := memstore.New().Stores()
	partly, _ := h.Within(kit.Stores{Users: users.Users, Credentials: users.Credentials})
	u, err = partly.Register(t.Context(), kit.Registration{Email: "eve@example.com", Username: "Eve", Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := partly.Login(t.Context(), u.Email, goodPassword); err != nil {
		t.Fatal(err)
	}
	if len(h.sessionRows(u.ID)) != 1 {
		t.Error("the session is not among the tokens outside")
	}
	h.Close(t.Context())
	for _, m := range h.mailer.All() {
		if m.To != testEmail {
			t.Errorf("a mail to %s without the commit", m.To)
		}
	}
}
