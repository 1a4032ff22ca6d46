package kittest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// A user who is logged in: the tokens work, the password is the documented one, and no mail is
// in the way of those that a test waits for.
func TestLogIn(t *testing.T) {
	k := kittest.New(t, func(o *kit.Options) { o.RequireVerifiedEmail = true })
	u, tokens := k.LogIn("Ada@example.com", "staff", "editor")
	if u.Username != "Ada" || !u.Verified || !u.Active || !slices.Equal(u.Roles, []string{"staff", "editor"}) {
		t.Errorf("%+v", u)
	}
	if got, claims, err := k.Authenticate(t.Context(), string(tokens.AccessToken)); err != nil || got.ID != u.ID || !slices.Equal(claims.AMR, []string{"pwd"}) || !claims.AuthTime.Equal(k.Clock.Now()) {
		t.Errorf("%+v, %v", claims, err)
	}
	if _, err := k.Refresh(t.Context(), string(tokens.RefreshToken)); err != nil {
		t.Error(err)
	}
	if _, err := k.Login(t.Context(), "ada@example.com", kittest.Password); err != nil {
		t.Error("with the password:", err)
	}
	again, other := k.LogIn("ada@EXAMPLE.com")
	if again.ID != u.ID || other.RefreshToken == tokens.RefreshToken || !slices.Equal(again.Roles, u.Roles) {
		t.Errorf("another session of %s: %+v", u.ID, again)
	}
	if changed, _ := k.LogIn("ada@example.com", "customer"); !slices.Equal(changed.Roles, []string{"customer"}) {
		t.Errorf("%q", changed.Roles)
	}
	if err := k.RequestPasswordReset(t.Context(), "ada@example.com"); err != nil {
		t.Error(err)
	}
	if m := k.NextMail(kit.MailPasswordReset); !strings.HasPrefix(string(m.Link), "https://app.example.com/") {
		t.Errorf("%s", string(m.Link))
	}
}

// Instances share what is stored and the keys, and end with the test.
func TestAnother(t *testing.T) {
	var one, two *kit.Service
	t.Run("test", func(t *testing.T) {
		k := kittest.New(t)
		one, two = k.Service, k.Another()
		_, tokens := k.LogIn("ada@example.com")
		if _, _, err := two.Authenticate(t.Context(), string(tokens.AccessToken)); err != nil || one == two {
			t.Error(err)
		}
		k.Clock.Advance(time.Hour)
		if _, _, err := two.Authenticate(t.Context(), string(tokens.AccessToken)); !errors.Is(err, kit.ErrExpiredToken) {
			t.Error(err)
		}
		k.Faults.Inject("users.ByEmail", kittest.Down, -1)
		for _, svc := range []*kit.Service{one, two} {
			if _, err := svc.UserByEmail(t.Context(), "ada@example.com"); !errors.Is(err, kit.ErrUnavailable) {
				t.Error(err)
			}
		}
	})
	for _, svc := range []*kit.Service{one, two} {
		if _, err := svc.UserByEmail(context.Background(), "ada@example.com"); !errors.Is(err, kit.ErrClosed) {
			t.Errorf("after the test: %v", err)
		}
	}
}

// failing is a test that Fatalf ends.
type failing struct{ *testing.T }

type ended struct{ text string }

func (failing) Fatalf(format string, args ...any) { panic(ended{fmt.Sprintf(format, args...)}) }

// What goes wrong ends the test with what and why.
func TestFatal(t *testing.T) {
	k := kittest.New(failing{t}, func(o *kit.Options) {
		o.Hooks.BeforeLogin = func(context.Context, kit.User) error { return errors.New("the shop is closed") }
	})
	for want, do := range map[string]func(){
		"the shop is closed":         func() { k.LogIn("ada@example.com") },
		"the account not an address": func() { k.LogIn("not an address") },
		"Options.BcryptCost":         func() { kittest.New(failing{t}, func(o *kit.Options) { o.BcryptCost = 99 }) },
		"a verification mail, want pa": func() {
			if _, err := k.Register(t.Context(), kit.Registration{Email: "grace@example.com", Username: "Grace", Password: kittest.Password}); err != nil {
				t.Error(err)
			}
			k.NextMail(kit.MailPasswordReset)
		},
	} {
		func() {
			defer func() {
				if e, ok := recover().(ended); !ok || !strings.Contains(e.text, want) {
					t.Errorf("ended by %q, want %q", e.text, want)
				}
			}()
			do()
		}()
	}
}
