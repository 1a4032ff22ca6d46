package kit_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"myauth.internal/kit"
)

const homeIP = "192.0.2.1"

// remembered is an account with the factor, and a device that remembers it, by its token.
func remembered(h *harness) (u kit.User, device kit.Secret) {
	h.t.Helper()
	u = h.verified(testEmail)
	first := h.loginFrom(h.from(homeIP, firefox, ""), testEmail, goodPassword)
	h.enroll(first)
	half := h.halfFrom(h.from(homeIP, firefox, first.DeviceToken))
	ctx := kit.RememberDevice(h.from(homeIP, firefox, first.DeviceToken))
	if _, err := h.LoginWithFactor(ctx, half, "counter", "", code("2")); err != nil {
		h.t.Fatal(err)
	}
	return u, first.DeviceToken
}

func (h *harness) halfFrom(ctx context.Context) string {
	h.t.Helper()
	var due *kit.MFARequired
	if _, err := h.Login(ctx, testEmail, goodPassword); !errors.As(err, &due) {
		h.t.Fatalf("login: got %v, want a MFARequired", err)
	}
	return string(due.Token)
}

func TestRememberedDevice(t *testing.T) {
	h := newHarness(t, withFactor)
	u, device := remembered(h)
	tokens := h.loginFrom(h.from("198.51.100.7", "another browser", device), testEmail, goodPassword)
	claims := h.claims(tokens)
	if !slices.Equal(claims.AMR, []string{"pwd"}) {
		t.Errorf("the session claims %v", claims.AMR)
	}
	h.wantErr("recent", h.CheckRecent(tokens.User, claims), kit.ErrReauthenticationRequired)

	// It lives on like any other session, and can do what needs no recent login.
	for range 3 {
		h.clock.Advance(time.Minute)
		tokens = h.mustRefresh(tokens.RefreshToken)
		if amr := h.claims(tokens).AMR; !slices.Equal(amr, []string{"pwd"}) {
			t.Errorf("after a refresh it claims %v", amr)
		}
	}
	var due *kit.MFARequired
	_, err := h.Reauthenticate(t.Context(), claims, goodPassword)
	if !errors.As(err, &due) {
		t.Fatalf("a re-authentication: %v, want the second factor", err)
	}
	again, err := h.ReauthenticateWithFactor(t.Context(), claims, string(due.Token), "counter", "", code("3"))
	if err != nil || h.CheckRecent(again.User, h.claims(again)) != nil {
		t.Errorf("with the second factor: %v", err)
	}
	list, err := h.Sessions(t.Context(), u.ID)
	if err != nil || len(list) != 3 {
		t.Errorf("sessions: %v, %v", list, err)
	}

	// An application's own login from there needs none either.
	ctx := h.from(homeIP, firefox, device)
	if _, err := h.Grant(ctx, kit.Login{User: again.User, AMR: []string{"sms"}}); err != nil {
		t.Error(err)
	}
	// Not a device that was not asked to, nor a client that keeps no token.
	for i, remember := range []bool{false, true} {
		name := []string{"not asked to", "asked to"}[i]
		ctx := h.from("203.0.113.5", name, "")
		half := h.halfFrom(ctx)
		if remember {
			ctx = kit.RememberDevice(ctx)
		}
		tokens, err := h.LoginWithFactor(ctx, half, "counter", "", code(strconv.Itoa(4+i)))
		if err != nil || tokens.DeviceToken == "" {
			t.Fatal(name, err)
		}
		h.nextMail(kit.MailNewDevice)
		if _, err = h.Login(h.from("203.0.113.5", name, tokens.DeviceToken), testEmail, goodPassword); (err == nil) != remember {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.halfFrom(kit.RememberDevice(t.Context()))
}

// TestRememberedDeviceOfAnother: a device remembers one account's factor.
func TestRememberedDeviceOfAnother(t *testing.T) {
	h := newHarness(t, withFactor)
	_, device := remembered(h)
	h.verified("bob@example.com")
	h.enroll(h.loginFrom(h.from(homeIP, firefox, ""), "bob@example.com", goodPassword))
	_, err := h.Login(h.from(homeIP, firefox, device), "bob@example.com", goodPassword)
	h.wantErr("another account", err, kit.ErrMFARequired)
	_, err = h.Login(h.from(homeIP, firefox, device[:len(device)-1]+"~"), testEmail, goodPassword)
	h.wantErr("a changed token", err, kit.ErrMFARequired)
	_, err = h.Login(h.from(homeIP, firefox, device), testEmail, otherPassword)
	h.wantErr("a wrong password", err, kit.ErrInvalidCredentials)
}

// TestDeviceForgets: what ends sessions, and each change of the factors.
func TestDeviceForgets(t *testing.T) {
	for name, end := range map[string]func(h *harness, u kit.User, device kit.Secret) error{
		"90 days": func(h *harness, _ kit.User, device kit.Secret) error {
			for range 9 { // it is used all the while
				h.clock.Advance(10*24*time.Hour - time.Second)
				h.loginFrom(h.from(homeIP, firefox, device), testEmail, goodPassword)
			}
			h.clock.Advance(9 * time.Second)
			return nil
		},
		"a clock that was set back": func(h *harness, _ kit.User, _ kit.Secret) error { h.clock.Advance(-time.Hour); return nil },
		"reset": func(h *harness, _ kit.User, _ kit.Secret) error {
			return h.ResetPassword(h.t.Context(), h.resetToken(testEmail), goodPassword)
		},
		"change of the password there": func(h *harness, _ kit.User, device kit.Secret) error {
			tokens := h.loginFrom(h.from(homeIP, firefox, device), testEmail, goodPassword)
			_, err := h.ChangePassword(h.t.Context(), h.claims(tokens), goodPassword, goodPassword)
			return err
		},
		"other sessions ended from there": func(h *harness, _ kit.User, device kit.Secret) error {
			tokens := h.loginFrom(h.from(homeIP, firefox, device), testEmail, goodPassword)
			_, err := h.EndOtherSessions(h.t.Context(), h.claims(tokens))
			return err
		},
		"sessions ended": func(h *harness, u kit.User, _ kit.Secret) error { return h.EndAllSessions(h.t.Context(), u.ID) },
		"another factor": func(h *harness, u kit.User, _ kit.Secret) error {
			_, _, err := h.gate.ChangeUser(h.t.Context(), u.ID, func(u *kit.User) error { u.Factors = append(u.Factors, "other"); return nil })
			return err
		},
		"removed and enrolled again": func(h *harness, _ kit.User, _ kit.Secret) error {
			tokens, err := h.LoginWithFactor(h.t.Context(), h.half(h.Service), "counter", "", code("3"))
			if err == nil {
				err = h.RemoveFactor(h.t.Context(), h.claims(tokens), "counter")
			}
			h.nextMail(kit.MailFactorRemoved)
			h.enroll(tokens)
			return err
		},
		"credentials voided": func(h *harness, u kit.User, _ kit.Secret) error {
			_, _, err := h.gate.ChangeUser(h.t.Context(), u.ID, func(u *kit.User) error { u.CredentialEpoch++; return nil })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newDoorHarness(t)
			u, device := remembered(h)
			if err := end(h, u, device); err != nil {
				t.Fatal(err)
			}
			_, err := h.Login(h.from(homeIP, firefox, device), testEmail, goodPassword)
			h.wantErr("login", err, kit.ErrMFARequired)
		})
	}
}

// TestReauthenticationRemembersNothing: the second step of a re-authentication does not
// mark a device, whatever the context says.
func TestReauthenticationRemembersNothing(t *testing.T) {
	h := newHarness(t, withFactor)
	h.verified(testEmail)
	ctx := h.from(homeIP, firefox, "")
	first := h.loginFrom(ctx, testEmail, goodPassword)
	own := h.enroll(first)
	var due *kit.MFARequired
	_, err := h.Reauthenticate(ctx, h.claims(own), goodPassword)
	if !errors.As(err, &due) {
		t.Fatal(err)
	}
	if _, err := h.ReauthenticateWithFactor(kit.RememberDevice(ctx), h.claims(own), string(due.Token), "counter", "", code("2")); err != nil {
		t.Fatal(err)
	}
	h.halfFrom(h.from(homeIP, firefox, first.DeviceToken))
}

func TestResetFactors(t *testing.T) {
	h := newHarness(t, withFactor)
	u, device := remembered(h)
	own, err := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("3"))
	if err != nil {
		t.Fatal(err)
	}
	half := h.half(h.Service)
	for range 2 {
		h.wantErr("reset", h.ResetFactors(t.Context(), u.ID), nil)
	}
	h.nextMail(kit.MailFactorsReset)
	if n := h.count(kit.EventFactorsReset); n != 1 {
		t.Errorf("%d events", n)
	}
	if rows := h.factorRows(u.ID); len(rows) > 0 {
		t.Errorf("left: %v", rows)
	}
	_, err = h.refresh(own.RefreshToken)
	h.wantErr("a session from before", err, kit.ErrRevokedToken)
	_, err = h.LoginWithFactor(t.Context(), half, "counter", "", code("4"))
	h.wantErr("a half login from before", err, kit.ErrRevokedToken)
	tokens := h.loginFrom(h.from(homeIP, firefox, device), testEmail, goodPassword)
	h.enroll(tokens)
	_, err = h.Login(h.from(homeIP, firefox, device), testEmail, goodPassword)
	h.wantErr("what the device remembers", err, kit.ErrMFARequired)
	h.wantErr("nobody", h.ResetFactors(t.Context(), "01a22bb2-21f5-7eb8-bfc0-1d565d16b9b7"), kit.ErrUserNotFound)
}

// TestResetFactorsClearsCodes: of strangers and of each device.
func TestResetFactorsClearsCodes(t *testing.T) {
	h := newHarness(t, withFactor, throttled, func(o *kit.Options) { o.WithoutMails = []kit.MailKind{kit.MailNewDevice, kit.MailFactorsReset} })
	u := h.verified(testEmail)
	ctx := h.from(homeIP, firefox, "")
	first := h.loginFrom(ctx, testEmail, goodPassword)
	h.enroll(first)
	for _, ctx := range []context.Context{t.Context(), h.from(homeIP, firefox, first.DeviceToken)} {
		stopped := false
		for range 200 {
			_, err := h.LoginWithFactor(ctx, h.halfFrom(ctx), "counter", "", code("0"))
			stopped = !errors.Is(err, kit.ErrInvalidCode)
			h.clock.Advance(time.Hour)
		}
		if !stopped {
			t.Fatal("codes may be guessed without end")
		}
	}
	h.wantErr("reset", h.ResetFactors(t.Context(), u.ID), nil)
	h.enroll(h.login(testEmail, goodPassword))
	for i, ctx := range []context.Context{t.Context(), h.from(homeIP, firefox, first.DeviceToken)} {
		if _, err := h.LoginWithFactor(ctx, h.halfFrom(ctx), "counter", "", code(strconv.Itoa(2+i))); err != nil {
			t.Errorf("after the reset, login %d: %v", i, err)
		}
	}
}
