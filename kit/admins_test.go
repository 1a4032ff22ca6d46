package kit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// takings are the ways in which an account stops being an administrator's.
var takings = map[string]func(*kit.Service, context.Context, string) error{
	"SetRoles": func(s *kit.Service, ctx context.Context, id string) error {
		_, err := s.SetRoles(ctx, id, "editor")
		return err
	},
	"RemoveRole": func(s *kit.Service, ctx context.Context, id string) error {
		_, err := s.RemoveRole(ctx, id, "admin")
		return err
	},
	"Deactivate": func(s *kit.Service, ctx context.Context, id string) error {
		_, err := s.Deactivate(ctx, id)
		return err
	},
	"DeleteUser": (*kit.Service).DeleteUser,
}

// TestAnAdministratorRemains (claim 68).
func TestAnAdministratorRemains(t *testing.T) {
	for name, take := range takings {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			ada, _ := h.register(testEmail)
			bob, _ := h.register("bob@example.com")
			for _, id := range []string{ada.ID, bob.ID} {
				if _, err := h.AddRole(t.Context(), id, "admin"); err != nil {
					t.Fatal(err)
				}
			}
			// An administrator who is disabled is none.
			if _, err := h.Deactivate(t.Context(), bob.ID); err != nil {
				t.Fatal(err)
			}
			h.wantErr("the last one", take(h.Service, t.Context(), ada.ID), kit.ErrLastAdmin)
			if u, err := h.UserByID(t.Context(), ada.ID); err != nil || !u.Active || !u.HasRole("admin") {
				t.Fatalf("%+v, %v", u, err)
			}
			if _, err := h.Activate(t.Context(), bob.ID); err != nil {
				t.Fatal(err)
			}
			if err := take(h.Service, t.Context(), ada.ID); err != nil {
				t.Error("one of two:", err)
			}
			h.wantErr("the other one", take(h.Service, t.Context(), bob.ID), kit.ErrLastAdmin)
		})
	}
}

// Two instances take the last two administrators at once: one remains.
func TestLastTwoAdministratorsAtOnce(t *testing.T) {
	h := newHarness(t)
	other := h.over(h.store.Stores())
	ada, _ := h.register(testEmail)
	bob, _ := h.register("bob@example.com")
	ways := []string{"SetRoles", "RemoveRole", "Deactivate"}
	for round := range 30 {
		for _, u := range []kit.User{ada, bob} {
			if _, err := h.AddRole(t.Context(), u.ID, "admin"); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Activate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}
		errs := race(16, func(i int) error {
			svc := []*kit.Service{h.Service, other}[i/2%2]
			return takings[ways[(i/4+round)%3]](svc, t.Context(), []string{ada.ID, bob.ID}[i%2])
		})
		left := 0
		for _, id := range []string{ada.ID, bob.ID} {
			if u, err := h.UserByID(t.Context(), id); err != nil {
				t.Fatal(err)
			} else if u.Active && u.HasRole("admin") {
				left++
			}
		}
		if left != 1 || !slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, kit.ErrLastAdmin) }) {
			t.Fatalf("round %d: %d administrators remain: %v", round, left, errs)
		}
	}
}

// What fails in between takes no administrator's place, and the next change mends it.
func TestAdministratorsDuringOutages(t *testing.T) {
	h := newHarness(t)
	ada, _ := h.register(testEmail)
	bob, _ := h.register("bob@example.com")
	h.AddRole(t.Context(), ada.ID, "admin")
	h.faults.Each(func(_ context.Context, op string, _ any) kittest.Fault {
		if strings.HasPrefix(op, "credentials.") {
			return kittest.Down
		}
		return 0
	})
	if u, err := h.AddRole(t.Context(), bob.ID, "admin"); err != nil || !u.HasRole("admin") {
		t.Errorf("the role: %+v, %v", u, err)
	}
	_, err := h.Deactivate(t.Context(), ada.ID)
	h.wantErr("without the record", err, kit.ErrUnavailable)
	h.faults.Clear()
	_, err = h.Deactivate(t.Context(), ada.ID)
	h.wantErr("with an administrator who is not in the record", err, kit.ErrLastAdmin)
	if err := h.rename(bob.ID, "Bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Deactivate(t.Context(), ada.ID); err != nil {
		t.Error("after a change of the other one:", err)
	}
	// The write of the user fails: she counts again.
	h.Activate(t.Context(), ada.ID)
	h.faults.Each(func(_ context.Context, op string, _ any) kittest.Fault {
		if op == "users.Update" {
			return kittest.Down
		}
		return 0
	})
	_, err = h.Deactivate(t.Context(), ada.ID)
	h.wantErr("a write that fails", err, kit.ErrUnavailable)
	h.faults.Clear()
	if _, err := h.Deactivate(t.Context(), bob.ID); err != nil {
		t.Error("she is one still:", err)
	}
}

// A store makes the write of one removal after the other administrator was taken away: it does nothing.
func TestLateWriteOfAnAdministrator(t *testing.T) {
	h := newHarness(t)
	ada, _ := h.register(testEmail)
	bob, _ := h.register("bob@example.com")
	for _, id := range []string{ada.ID, bob.ID} {
		if _, err := h.AddRole(t.Context(), id, "admin"); err != nil {
			t.Fatal(err)
		}
	}
	var late kit.User
	h.faults.Each(func(_ context.Context, op string, record any) kittest.Fault {
		if u, ok := record.(kit.User); ok && op == "users.Update" && u.ID == ada.ID {
			late = u.Clone()
			return kittest.Down
		}
		return 0
	})
	_, err := h.Deactivate(t.Context(), ada.ID)
	h.wantErr("a write without an answer", err, kit.ErrUnavailable)
	h.faults.Clear()
	if _, err := h.Deactivate(t.Context(), bob.ID); err != nil {
		t.Fatal("she is an administrator still:", err)
	}
	h.wantErr("the late write", h.store.Users().Update(t.Context(), late), kit.ErrConflict)
	if u, err := h.UserByID(t.Context(), ada.ID); err != nil || !u.Active || late.Active {
		t.Errorf("none remains: %+v, %v", u, err)
	}
}
