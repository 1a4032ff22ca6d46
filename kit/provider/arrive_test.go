package provider

import (
	"context"
	"errors"
	"slices"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// claimBy claims ada's account for a subject, and goes no further, as a call that runs at the same
// time.
func (w *world) claimBy(subject string) {
	w.t.Helper()
	s := &arrival{p: w.p(), c: w.acme, a: says(subject, ada, true), seen: w.user(ada)}
	if _, _, err := w.p().core.ChangeUser(context.Background(), s.seen.ID, func(u *kit.User) error { return s.strip(u, false) }); err != nil {
		w.t.Fatal(err)
	}
}

// meanwhile does something right before the nth call of a store method.
func (w *world) meanwhile(op string, nth int, do func()) {
	w.Faults.Each(func(_ context.Context, called string, _ any) kittest.Fault {
		if called == op {
			if nth--; nth == 0 {
				do()
			}
		}
		return 0
	})
}

// TestClaimsAtOnce: a call that finds the account claimed since it began does not claim it again, or
// two calls could go on for ever, each voiding what the other has stored.
func TestClaimsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		op     string
		nth    int
		claims int64
	}{
		"while it claims":                      {"users.Update", 1, 1},
		"before its identity is stored":        {"credentials.Create", 1, 2},
		"before the address is marked":         {"users.Update", 2, 2},
		"before it looks whose the account is": {"users.ByEmail", 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			squatted := w.squat(ada)
			w.meanwhile(c.op, c.nth, func() { w.claimBy("2") })
			u := w.signIn(says("1", ada, true))
			if got := w.identities(u); u.ID != squatted.ID || !u.Verified || !slices.Equal(got, []string{"1"}) || u.CredentialEpoch != c.claims {
				t.Errorf("left %+v with the identities %q, want %d claims", u, got, c.claims)
			}
		})
	}
}

// TestUnlinkedMeanwhile: an identity that is removed during a login does not log in.
func TestUnlinkedMeanwhile(t *testing.T) {
	w := newWorld(t)
	u, _ := w.LogIn(ada)
	k, err := w.p().link(t.Context(), u, w.acme, says("1", ada, false))
	if err != nil {
		t.Fatal(err)
	}
	w.meanwhile("credentials.Update", 1, func() {
		if err := w.unlink(u, k.ID); err != nil {
			t.Error(err)
		}
	})
	if _, err := w.p().signIn(t.Context(), w.acme, says("1", ada, false)); !errors.Is(err, errEmailUnverified) {
		t.Errorf("got %v", err)
	}
}

// TestHalfMade: what was interrupted before the address was marked is finished by the next sign-in
// that proves that address, and by no other.
func TestHalfMade(t *testing.T) {
	w := newWorld(t)
	u, err := w.p().core.Register(t.Context(), ada, "Ada Lovelace")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.p().core.Create(t.Context(), w.p().newIdentity(t.Context(), u, w.acme, says("1", ada, true)).row); err != nil {
		t.Fatal(err)
	}
	for _, a := range []assertion{says("1", "other@example.com", true), says("1", ada, false), says("1", "", true)} {
		if got, err := w.p().signIn(t.Context(), w.acme, a); err != nil || got.ID != u.ID || w.user(ada).Verified {
			t.Errorf("with %q, %v: %+v, %v", a.Email, a.Proved, got, err)
		}
	}
	foreseen, err := w.p().foresee(t.Context(), w.acme, says("1", "ADA@example.com", true))
	if err != nil || foreseen.ID != "" { // its epochs are to change
		t.Errorf("foreseen: %v, %v", foreseen, err)
	}
	if got := w.signIn(says("1", "ADA@example.com", true)); got.ID != u.ID || !got.Verified {
		t.Errorf("got %+v", got)
	}
	if n := w.heard(kit.EventEmailVerified); n != 1 {
		t.Errorf("%d events", n)
	}
}

// TestHookRefuses: an application that lets nobody register is asked, and nothing is written.
func TestHookRefuses(t *testing.T) {
	w := newWorld(t)
	w.Kit = kittest.New(t, func(o *kit.Options) {
		o.Features = []kit.Feature{w.feature, w.squatters}
		o.Hooks.BeforeRegister = func(_ context.Context, r kit.Registration) error {
			if r.Email == ada && r.Username == "Ada Lovelace" && r.Password == "" {
				return kit.NewProblem(403, "closed", "Closed", "Nobody may register.")
			}
			return nil
		}
	})
	w.feature.in = w.feature.in[1:]
	var closed *kit.Problem
	if _, err := w.p().signIn(t.Context(), w.acme, says("1", ada, true)); !errors.As(err, &closed) || closed.Code != "closed" {
		t.Errorf("got %v", err)
	}
	if n := w.writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}
