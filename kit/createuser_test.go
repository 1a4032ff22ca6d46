package kit_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"myauth.internal/kit"
)

func TestCreateUser(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.Registration = kit.RegistrationClosed })
	u, err := h.CreateUser(t.Context(), kit.Registration{Email: testEmail, Username: "Ada", Password: goodPassword}, "editor", "editor", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if !u.Active || !u.Verified || !slices.Equal(u.Roles, []string{"editor", "admin"}) || h.last(kit.EventRegistered).UserID != u.ID {
		t.Errorf("got %+v", u)
	}
	if _, err := h.Login(t.Context(), testEmail, goodPassword); err != nil {
		t.Error("login:", err)
	}
	if admins, err := h.Administrators(t.Context()); err != nil || len(admins) != 1 || admins[0].ID != u.ID {
		t.Errorf("administrators: %v, %v", admins, err)
	}
	_, err = h.CreateUser(t.Context(), kit.Registration{Email: testEmail, Username: "Eve", Password: goodPassword})
	h.wantErr("a verified account", err, kit.ErrUserExists)

	if _, err := h.CreateUser(t.Context(), kit.Registration{Email: "bob@example.com", Username: "Bob"}); err != nil {
		t.Error("without a password:", err)
	}
	_, err = h.Login(t.Context(), "bob@example.com", "")
	h.wantErr("login without a password", err, kit.ErrInvalidCredentials)

	_, err = h.CreateUser(t.Context(), kit.Registration{Email: "nobody", Password: "short"}, "")
	wantFields(t, err, "email", "password", "roles", "username")
}

// An account that a stranger made at the address ends with all that the stranger has.
func TestCreateUserTakesOver(t *testing.T) {
	h := newHarness(t)
	stranger, _ := h.register(testEmail)
	pair, err := h.Login(t.Context(), testEmail, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	const password = "Another-Horse-8"
	u, err := h.CreateUser(t.Context(), kit.Registration{Email: testEmail, Username: "Ada", Password: password}, "admin")
	if err != nil || u.ID != stranger.ID || !u.Verified || u.Username != "Ada" || !u.HasRole("admin") || u.CredentialEpoch == stranger.CredentialEpoch {
		t.Fatalf("got %+v, %v", u, err)
	}
	_, err = h.Refresh(t.Context(), string(pair.RefreshToken))
	h.wantErr("the stranger's session", err, kit.ErrRevokedToken)
	_, err = h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the stranger's password", err, kit.ErrInvalidCredentials)
	if _, err := h.Login(t.Context(), testEmail, password); err != nil {
		t.Error("login:", err)
	}
	if h.last(kit.EventRolesChanged).UserID != u.ID || h.last(kit.EventEmailVerified).UserID != u.ID {
		t.Error("events are missing")
	}

	disabled, _ := h.register("bob@example.com")
	if _, err := h.Deactivate(t.Context(), disabled.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.CreateUser(t.Context(), kit.Registration{Email: "bob@example.com", Username: "Bob", Password: password})
	h.wantErr("a disabled account", err, kit.ErrUserExists)
}

func TestEditUser(t *testing.T) {
	h := newHarness(t)
	ada, _ := h.register(testEmail)
	bob, _ := h.register("bob@example.com")
	name, yes, no := "Bobby", true, false
	ctx := kit.WithActor(t.Context(), ada.ID)
	edit := kit.Edit{Username: &name, Roles: []string{"editor"}, Active: &no, Verified: &yes}
	for range 2 { // the second changes nothing
		u, err := h.EditUser(ctx, bob.ID, edit)
		if err != nil || u.Username != name || !u.HasRole("editor") || u.Active || !u.Verified {
			t.Fatalf("got %+v, %v", u, err)
		}
	}
	for _, kind := range []kit.EventKind{kit.EventRenamed, kit.EventRolesChanged, kit.EventDeactivated, kit.EventEmailVerified} {
		if e := h.last(kind); h.count(kind) != 1 || e.UserID != bob.ID || e.Actor != ada.ID {
			t.Errorf("%s: got %d, %+v", kind, h.count(kind), e)
		}
	}
	if u, err := h.EditUser(ctx, bob.ID, kit.Edit{Roles: []string{}, Verified: &no}); err != nil || len(u.Roles) > 0 || u.Verified || u.Username != name {
		t.Errorf("got %+v, %v", u, err)
	}
	if h.count(kit.EventEmailUnverified) != 1 {
		t.Error("no event of the address that is not proved any more")
	}
	name = ""
	_, err := h.EditUser(ctx, bob.ID, kit.Edit{Username: &name, Roles: []string{""}})
	wantFields(t, err, "roles", "username")
}

// TestNobodyGrantsWhatTheyMayNot (claim 68).
func TestNobodyGrantsWhatTheyMayNot(t *testing.T) {
	probe := &probe{name: "probe"}
	h := newHarness(t, func(o *kit.Options) {
		o.Features = []kit.Feature{probe}
		o.Hooks.MayGrant = func(_ context.Context, actor kit.User, role string) bool {
			return actor.HasRole("owner") || role != "admin" && role != "owner"
		}
	})
	ada, _ := h.register(testEmail)
	bob, _ := h.register("bob@example.com")
	bob, err := h.SetRoles(t.Context(), bob.ID, "owner")
	if err != nil {
		t.Fatal(err)
	}
	for name, roles := range map[string][]string{"gives": {"owner", "admin"}, "takes away": {"editor"}} {
		_, err := probe.core.EditUser(t.Context(), ada, bob.ID, kit.Edit{Roles: roles})
		h.wantErr(name, err, kit.ErrRoleNotGrantable)
	}
	if u, err := probe.core.EditUser(t.Context(), ada, bob.ID, kit.Edit{Roles: []string{"owner", "editor"}}); err != nil || !u.HasRole("editor") {
		t.Errorf("a role that may be given, beside one that stays: %v", err)
	}
	if _, err := probe.core.EditUser(t.Context(), bob, ada.ID, kit.Edit{Roles: []string{"admin"}}); err != nil {
		t.Error("who may grant it:", err)
	}
}

// wantFields: err is a ValidationError of exactly these fields.
func wantFields(t *testing.T, err error, fields ...string) {
	t.Helper()
	var invalid *kit.ValidationError
	if !errors.As(err, &invalid) {
		t.Fatalf("got error %v, want a ValidationError", err)
	}
	var got []string
	for _, f := range invalid.Fields {
		got = append(got, f.Field)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, fields) {
		t.Errorf("got errors of %v, want %v", got, fields)
	}
}
