package invitation_test

import (
	"errors"
	"slices"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/kittest"
)

// TestOnce: of sixteen calls at once over two instances one makes the account.
func TestOnce(t *testing.T) {
	for range 5 {
		w := newWorld(t)
		services := []*kit.Service{w.Service, w.Another()}
		_, token := w.invite(w.ada)
		won := 0
		for _, err := range atOnce(func(i int) error {
			_, err := w.acceptBy(t.Context(), services[i%2], token, "Grace", password)
			return err
		}) {
			if err == nil {
				won++
				continue
			}
			w.wants("one that lost", err, kit.ErrUserExists, kit.ErrRevokedToken)
		}
		u, made := w.account()
		if accepted := w.heard(invitation.EventAccepted); won != 1 || !made || len(accepted) != 1 || accepted[0].UserID != u.ID {
			t.Fatalf("%d calls succeeded, there is an account: %v, with %d events", won, made, len(accepted))
		}
		if _, err := w.Login(t.Context(), grace, password); err != nil {
			t.Error(err)
		}
	}
}

// TestRevokedAtOnce: after a revocation that has succeeded there is no account, and an acceptance that
// has succeeded cannot be revoked.
func TestRevokedAtOnce(t *testing.T) {
	revoked, accepted := 0, 0
	for round := range 30 {
		w := newWorld(t)
		services := []*kit.Service{w.Service, w.Another()}
		v, token := w.invite(w.ada, "editor")
		// At first, when an account is about to be stored, or when the invitation is used up.
		begin, at := make(chan struct{}), []string{"", "users.Create", "credentials.Update"}[round%3]
		if at == "" {
			close(begin)
		} else {
			w.Faults.OnCall(at, func() { close(begin) })
		}
		errs := atOnce(func(i int) error {
			if (i+round)%2 == 0 {
				<-begin
				return w.revoke(services[i%4/2], w.root, v.ID)
			}
			_, err := w.acceptBy(t.Context(), services[i%4/2], token, "Grace", password)
			return err
		})
		var yes, made int
		for i, err := range errs {
			switch {
			case err == nil && (i+round)%2 == 0:
				yes++
			case err == nil:
				made++
			case !hasCode(err, "not_found") && !errors.Is(err, kit.ErrRevokedToken) && !errors.Is(err, kit.ErrUserExists):
				t.Error(err)
			}
		}
		if _, there := w.account(); yes+made != 1 || there != (made == 1) {
			t.Fatalf("%d revocations and %d acceptances succeeded, and there is an account: %v", yes, made, there)
		}
		revoked, accepted = revoked+yes, accepted+made
	}
	if revoked == 0 || accepted == 0 {
		t.Errorf("%d were revoked, %d accepted: one of the two was never first", revoked, accepted)
	}
}

// TestUndone: what ends an invitation while it is being accepted, at the last moment before its account
// is stored, ends the account too. An account that a stranger had made before stays, and nobody has got
// into it.
func TestUndone(t *testing.T) {
	for name, end := range map[string]func(w *world, v shown) error{
		"revoked":             func(w *world, v shown) error { return w.revoke(w.Service, w.root, v.ID) },
		"replaced":            func(w *world, _ shown) error { _, err := w.tryInvite(w.ada, grace); return err },
		"replaced by another": func(w *world, _ shown) error { _, err := w.tryInvite(w.root, grace); return err },
		"the inviter is no administrator": func(w *world, _ shown) error {
			_, err := w.SetRoles(w.t.Context(), w.ada.ID)
			return err
		},
		"the inviter is gone": func(w *world, _ shown) error { return w.DeleteUser(w.t.Context(), w.ada.ID) },
	} {
		for _, squatted := range []bool{false, true} {
			w := newWorld(t, func(o *kit.Options) { o.Registration = kit.RegistrationOpen })
			op, before := "users.Create", kit.User{}
			v, token := w.invite(w.ada, "editor")
			if squatted {
				var err error
				before, err = w.Register(t.Context(), kit.Registration{Email: grace, Username: "Stranger", Password: "Mallory#1984"})
				w.must("register", err)
				_, err = w.SetRoles(t.Context(), before.ID, "reader")
				w.must("roles", err)
				op = "users.Update"
			}
			w.Faults.OnCall(op, func() { w.must(name, end(w, v)) })
			w.wants(name, w.accept(token), kit.ErrRevokedToken)
			u, there := w.account()
			switch {
			case there != squatted:
				t.Errorf("%s: there is an account: %v", name, there)
			case squatted && (u.ID != before.ID || u.Verified || u.PasswordHash != "" || len(u.Roles) != 1 || u.SessionEpoch <= before.SessionEpoch+1):
				t.Errorf("%s: the account is %+v", name, u)
			}
			if w.heard(invitation.EventAccepted) != nil {
				t.Errorf("%s: an event of what was undone", name)
			}
			if _, err := w.Login(t.Context(), grace, password); !errors.Is(err, kit.ErrInvalidCredentials) {
				t.Errorf("%s: the password: %v", name, err)
			}
		}
	}
}

// TestUndoneAfterAReset: whoever has reset the password of an account that is about to be undone is the
// owner of the mailbox, and keeps it, but for the roles.
func TestUndoneAfterAReset(t *testing.T) {
	w := newWorld(t, func(o *kit.Options) { o.Registration = kit.RegistrationOpen })
	_, token := w.invite(w.ada, "editor")
	_, err := w.Register(t.Context(), kit.Registration{Email: grace, Username: "Grace", Password: "Forgotten#1984"})
	w.must("register", err)
	w.NextMail(kit.MailVerification)
	w.Faults.OnCall("users.Update", func() { // which takes the account over
		w.Faults.OnCall("users.ByID", func() { // which looks at the inviter again
			_, err := w.SetRoles(t.Context(), w.ada.ID)
			w.must("roles", err)
			w.must("ask", w.RequestPasswordReset(t.Context(), grace))
			w.must("reset", w.ResetPassword(t.Context(), string(w.NextMail(kit.MailPasswordReset).Token), "Reset#Password1"))
			w.heard("")
		})
	})
	w.wants("accept", w.accept(token), kit.ErrRevokedToken)
	if u, _ := w.account(); !u.Verified || len(u.Roles) != 0 {
		t.Errorf("the account is %+v", u)
	}
	var kinds []kit.EventKind
	for _, e := range w.events {
		kinds = append(kinds, e.Kind)
	}
	if want := []kit.EventKind{kit.EventRolesChanged, kit.EventTokenRefused}; !slices.Equal(kinds, want) {
		t.Errorf("the events are %v, want %v", kinds, want)
	}
	if _, err := w.Login(t.Context(), grace, "Reset#Password1"); err != nil {
		t.Error("the owner's password:", err)
	}
}

// TestManyAdministrators: of invitations to one mailbox that are made at once, over two instances, one is
// there in the end, and one link works, which is its own.
func TestManyAdministrators(t *testing.T) {
	for range 5 {
		w := newWorld(t)
		services, inviters := []*kit.Service{w.Service, w.Another()}, []kit.User{w.ada, w.root}
		for _, err := range atOnce(func(i int) error {
			_, err := w.send(t.Context(), services[i%2], inviters[i/2%2], "POST", "/admin/invitations", "", map[string]string{"email": graceMail})
			return err
		}) {
			w.wants("invite", err, nil)
		}
		list, works := w.list(w.ada), 0
		for range 16 {
			if err := w.accept(string(w.NextMail(invitation.MailInvitation).Token)); err == nil {
				works++
			} else {
				w.wants("accept", err, kit.ErrInvalidToken)
			}
		}
		if len(list) != 1 || works != 1 {
			t.Fatalf("%d invitations are listed, %d links work", len(list), works)
		}
	}
}

// TestLostAnswers: an answer of the store that is lost neither makes two accounts nor ends an invitation
// without one.
func TestLostAnswers(t *testing.T) {
	for _, op := range []string{"users.Create", "credentials.Update"} {
		w := newWorld(t)
		_, token := w.invite(w.ada)
		w.Faults.Inject(op, kittest.Lost, 1)
		w.must(op, w.accept(token))
		if _, made := w.account(); !made {
			t.Errorf("%s: there is no account", op)
		}
		w.wants(op, w.accept(token), kit.ErrRevokedToken)
	}
}
