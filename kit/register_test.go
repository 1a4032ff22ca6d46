package kit_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestRegister(t *testing.T) {
	h := newHarness(t)
	settings := json.RawMessage("{ \"n\": 12345678901234567890.10,\n \"deep\": {\"a\": [1, 2]} }")
	u, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "  Ada L. ", Password: goodPassword, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	if u.Email != testEmail || u.Username != "Ada L." || u.Verified || !u.Active || len(u.Roles) != 0 || !u.CreatedAt.Equal(start) {
		t.Errorf("got %+v", u)
	}
	if want := `{"n":12345678901234567890.10,"deep":{"a":[1,2]}}`; string(u.Settings) != want {
		t.Errorf("settings are %s, want %s", u.Settings, want)
	}
	if mail := h.nextMail(kit.MailVerification); mail.To != testEmail {
		t.Errorf("the mail goes to %q", mail.To)
	}
	stored, err := h.UserByEmail(t.Context(), strings.ToUpper(testEmail))
	if err != nil || stored.ID != u.ID {
		t.Errorf("by email in another case: %v, %v", stored, err)
	}
	_, err = h.Register(t.Context(), kit.Registration{Email: strings.ToLower(testEmail), Username: "x", Password: goodPassword})
	h.wantErr("the same address in another case", err, kit.ErrUserExists)
}

func TestRegisterReportsEveryBrokenRule(t *testing.T) {
	h := newHarness(t)
	_, err := h.Register(t.Context(), kit.Registration{
		Email: "Ada <ada@example.com>", Username: " \t ", Password: "ab", Settings: json.RawMessage(`[]`),
	})
	var invalid *kit.ValidationError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range invalid.Fields {
		got = append(got, f.Field+" "+f.Code)
	}
	want := "email invalid_email|username too_short|password too_short|password missing_uppercase|password missing_digit|password missing_special|user_settings invalid_type"
	if strings.Join(got, "|") != want {
		t.Errorf("got %v", got)
	}
}

func TestRegisterInParallelHasOneWinner(t *testing.T) {
	for _, conceal := range []bool{false, true} {
		h := newHarness(t, func(o *kit.Options) { o.ConcealAccounts, o.RequireVerifiedEmail = conceal, conceal })
		won := 0
		for i, err := range race(50, func(i int) error {
			email := "Ada@example.com"
			if i%2 == 0 {
				email = "aDA@example.com"
			}
			_, err := h.Register(t.Context(), kit.Registration{Email: email, Username: "x", Password: goodPassword})
			return err
		}) {
			if err == nil {
				won++
			} else if !errors.Is(err, kit.ErrUserExists) {
				t.Errorf("call %d got %v", i, err)
			}
		}
		if won != 1 {
			t.Errorf("%d of 50 won, want 1", won)
		}
	}
}

func TestRegisterWhoseAnswerWasLost(t *testing.T) {
	h := newHarness(t)
	h.faults.Inject("users.Create", kittest.Lost, 1)
	h.register(testEmail)
	h.faults.Inject("users.Create", kittest.Down, 1)
	_, err := h.Register(t.Context(), kit.Registration{Email: "b@example.com", Username: "b", Password: goodPassword})
	h.wantErr("a store that is down", err, kit.ErrUnavailable)
	h.register("b@example.com")
}

func TestConcealedRegistrationTellsTheOwner(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.ConcealAccounts, o.RequireVerifiedEmail = true, true })
	h.register(testEmail)
	_, err := h.Register(t.Context(), kit.Registration{Email: strings.ToUpper(testEmail), Username: "x", Password: goodPassword})
	h.wantErr("a taken address", err, kit.ErrUserExists)
	if mail := h.nextMail(kit.MailAccountExists); mail.To != testEmail || mail.Link != "" || mail.Username != "" {
		t.Errorf("the owner's mail is %+v", mail)
	}
}

func TestHooks(t *testing.T) {
	var told []string
	h := newHarness(t, func(o *kit.Options) {
		o.Hooks = kit.Hooks{
			BeforeRegister: func(_ context.Context, r kit.Registration) error {
				if r.Password != "" {
					t.Error("the hook sees the password")
				}
				if strings.HasSuffix(r.Email, "@throwaway.example") {
					return kit.Invalid("email", "disposable_email", "use an address that lasts")
				}
				return nil
			},
			AfterRegister: func(_ context.Context, u kit.User) { told = append(told, "registered "+u.Email) },
			BeforeLogin: func(_ context.Context, u kit.User) error {
				if u.Username == "locked" {
					return kit.ErrAccountDisabled
				}
				return nil
			},
			AfterLogin: func(_ context.Context, u kit.User) { told = append(told, "logged in "+u.Email) },
		}
	})
	_, err := h.Register(t.Context(), kit.Registration{Email: "a@throwaway.example", Username: "a", Password: goodPassword})
	var invalid *kit.ValidationError
	if !errors.As(err, &invalid) || invalid.Fields[0].Code != "disposable_email" {
		t.Error("the hook's refusal became", err)
	}
	u, _ := h.register("a@example.com")
	h.login("a@example.com", goodPassword)
	if err := h.rename(u.ID, "locked"); err != nil {
		t.Fatal(err)
	}
	_, err = h.Login(t.Context(), "a@example.com", goodPassword)
	h.wantErr("the login hook's refusal", err, kit.ErrAccountDisabled)
	if got := strings.Join(told, ", "); got != "registered a@example.com, logged in a@example.com" {
		t.Error("told:", got)
	}
}

// A feature's account has no password, and nothing logs in to it until the feature says so.
func TestRegisterOfFeatures(t *testing.T) {
	var seen kit.Registration
	h, cores := probes(t, func(o *kit.Options) {
		o.Hooks.BeforeRegister = func(_ context.Context, r kit.Registration) error {
			if seen = r; r.Email == "no@example.com" {
				return kit.ErrAccountDisabled
			}
			return nil
		}
	})
	u, err := cores[0].Register(t.Context(), " "+testEmail+" ", " Ada ")
	if err != nil || u.Email != testEmail || u.Username != "Ada" || !u.Active || u.Verified || u.PasswordHash != "" || seen.Email != testEmail {
		t.Fatalf("made %+v, %v; the hook saw %v", u, err, seen)
	}
	if n := h.Stats().MailsReady; n != 0 || h.last(kit.EventRegistered).UserID != u.ID {
		t.Errorf("%d mails, the event %+v", n, h.last(kit.EventRegistered))
	}
	_, err = h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("a login without a password", err, kit.ErrInvalidCredentials)
	for _, tc := range []struct {
		email, name string
		want        error
	}{{testEmail, "Ada", kit.ErrUserExists}, {"no@example.com", "Ada", kit.ErrAccountDisabled}} {
		_, err := cores[1].Register(t.Context(), tc.email, tc.name)
		h.wantErr(tc.email, err, tc.want)
	}
	var invalid *kit.ValidationError
	if _, err := cores[0].Register(t.Context(), "ada", "\n"); !errors.As(err, &invalid) || len(invalid.Fields) != 2 {
		t.Error("bad input:", err)
	}
}
