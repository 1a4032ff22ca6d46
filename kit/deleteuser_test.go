package kit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// TestDeleteUser (claim 49): no token of the account works, of whatever kind, and the address is
// free.
func TestDeleteUser(t *testing.T) {
	h := newHarness(t, withFactor)
	u, mail := h.register(testEmail)
	if err := h.VerifyEmail(t.Context(), string(mail.Token)); err != nil {
		t.Fatal(err)
	}
	tokens := h.login(testEmail, goodPassword)
	access := h.enroll(tokens)
	claims := h.claims(access)
	half, again := h.half(h.Service), h.halfAgain(claims)
	reset, move := h.resetToken(testEmail), h.changeToken(claims, "new@example.com")
	if err := h.DeleteUser(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.Authenticate(t.Context(), string(access.AccessToken))
	h.wantErr("an access token of a deleted user", err, kit.ErrRevokedToken)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("a refresh token", err, kit.ErrInvalidToken)
	_, err = h.LoginWithFactor(t.Context(), half, "counter", "", code("2"))
	h.wantErr("a half login", err, kit.ErrInvalidToken)
	_, err = h.ReauthenticateWithFactor(t.Context(), claims, again, "counter", "", code("2"))
	h.wantErr("a half re-authentication", err, kit.ErrInvalidToken)
	_, err = h.Reauthenticate(t.Context(), claims, goodPassword)
	h.wantErr("a re-authentication", err, kit.ErrRevokedToken)
	h.wantErr("a reset token", h.ResetPassword(t.Context(), reset, otherPassword), kit.ErrInvalidToken)
	h.wantErr("a change of address", h.ConfirmEmailChange(t.Context(), move), kit.ErrInvalidToken)
	h.wantErr("a verification token", h.VerifyEmail(t.Context(), string(mail.Token)), kit.ErrUserNotFound)
	if rows, _ := h.store.Credentials().ByUser(t.Context(), u.ID, "", 10); len(rows) != 0 {
		t.Errorf("%d credentials are left", len(rows))
	}
	if rows, _ := h.store.Tokens().ByUser(t.Context(), u.ID, "", 10); len(rows) != 0 {
		t.Errorf("%d tokens are left", len(rows))
	}
	h.wantErr("again", h.DeleteUser(t.Context(), u.ID), kit.ErrUserNotFound)
	h.register(testEmail) // the address is free
}

// TestDeletionDuringOutages: each call of a store fails in turn, and its answer is lost in
// turn. At every step the account cannot log in and no credential lives without its user;
// a repetition leaves nothing.
func TestDeletionDuringOutages(t *testing.T) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost} {
		for skip := 0; ; skip++ {
			h, cores := probes(t)
			u, _ := h.register(testEmail)
			tokens := h.login(testEmail, goodPassword)
			h.resetToken(testEmail)
			for _, key := range []string{"a", "b"} {
				if err := cores[0].Create(t.Context(), cores[0].Credential(u, "key", key)); err != nil {
					t.Fatal(err)
				}
			}
			h.faults.InjectAfter("*", fault, skip)
			err := h.DeleteUser(t.Context(), u.ID)
			h.faults.Clear()
			left := func() (credentials, others int) {
				for _, store := range []kit.TokenStore{h.store.Credentials(), h.store.Tokens()} {
					rows, err := store.ByUser(t.Context(), u.ID, "", 100)
					if err != nil {
						t.Fatal(err)
					}
					credentials, others = others, len(rows)
				}
				return credentials, others
			}
			stored, readErr := h.store.Users().ByID(t.Context(), u.ID)
			credentials, _ := left()
			if readErr != nil && credentials > 0 {
				t.Errorf("fault %v after %d calls: %d credentials live without their user", fault, skip, credentials)
			}
			if readErr == nil && stored.Active && credentials < 2 {
				t.Errorf("fault %v after %d calls: an active account has lost credentials", fault, skip)
			}
			if readErr == nil && !stored.Active {
				if _, err := h.Login(t.Context(), testEmail, goodPassword); !errors.Is(err, kit.ErrInvalidCredentials) {
					t.Errorf("fault %v after %d calls: login: %v", fault, skip, err)
				}
				h.register(testEmail) // the address is free
				if _, err := cores[0].Find(t.Context(), "key", "a"); !errors.Is(err, kit.ErrNotFound) {
					t.Errorf("fault %v after %d calls: a credential is found: %v", fault, skip, err)
				}
				if _, err := h.refresh(tokens.RefreshToken); err == nil {
					t.Errorf("fault %v after %d calls: a session lives", fault, skip)
				}
			}
			if err != nil {
				again := func() error { return h.DeleteUser(t.Context(), u.ID) }
				if readErr == nil && !stored.Active && skip%2 == 0 { // the purge finishes it too
					again = func() error {
						h.clock.Advance(time.Minute)
						_, err := h.PurgeExpired(t.Context(), h.clock.Now())
						return err
					}
				}
				if again := again(); again != nil && !errors.Is(again, kit.ErrUserNotFound) {
					t.Errorf("fault %v after %d calls: again: %v", fault, skip, again)
				}
			}
			if c, o := left(); c+o > 0 {
				t.Errorf("fault %v after %d calls: %d credentials and %d tokens are left", fault, skip, c, o)
			}
			if _, err := h.store.Users().ByID(t.Context(), u.ID); err == nil {
				t.Errorf("fault %v after %d calls: the user is left", fault, skip)
			}
			if err == nil && fault == kittest.Down {
				if skip < 9 {
					t.Errorf("a deletion makes %d calls", skip)
				}
				break
			}
			if skip > 9 {
				break
			}
		}
	}
}

// TestCreatesDuringADeletion: whatever is created while the account goes, no credential stays
// without it; a session that stays expires, and the purge takes it.
func TestCreatesDuringADeletion(t *testing.T) {
	for range 10 {
		h, cores := probes(t)
		u, _ := h.register(testEmail)
		race(16, func(i int) error {
			switch i % 4 {
			case 0:
				return cores[i%2].Create(t.Context(), cores[0].Credential(u, "key", fmt.Sprint(i)))
			case 1:
				return cores[i%2].Put(t.Context(), cores[0].Credential(u, "key", "the same"))
			case 2:
				_, err := h.Login(t.Context(), testEmail, goodPassword)
				return err
			}
			return h.DeleteUser(t.Context(), u.ID)
		})
		if rows, err := h.store.Credentials().ByUser(t.Context(), u.ID, "", 100); err != nil || len(rows) > 0 {
			t.Errorf("%d credentials stay, %v", len(rows), err)
		}
		h.clock.Advance(1000 * time.Hour)
		if _, err := h.PurgeExpired(t.Context(), h.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if rows := h.sessionRows(u.ID); len(rows) > 0 {
			t.Errorf("%d sessions stay", len(rows))
		}
	}
}

// TestDenialDuringAnOutage: the stranger is out after the first write, and the link works
// again.
func TestDenialDuringAnOutage(t *testing.T) {
	h, cores := probes(t)
	u, mail := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	if err := cores[0].Create(t.Context(), cores[0].Credential(u, "key", "k")); err != nil {
		t.Fatal(err)
	}
	h.faults.Inject("credentials.ByUser", kittest.Down, 1)
	h.wantErr("deny", h.DenyEmail(t.Context(), string(mail.Token)), kit.ErrUnavailable)
	_, err := h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("login", err, kit.ErrInvalidCredentials)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("refresh", err, kit.ErrRevokedToken)
	h.wantErr("again", h.DenyEmail(t.Context(), string(mail.Token)), nil)
	if rows, _ := h.store.Credentials().ByUser(t.Context(), u.ID, "", 100); len(rows) != 0 {
		t.Errorf("%d credentials are left", len(rows))
	}
	h.register(testEmail)
}
