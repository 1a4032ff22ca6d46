package kit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

func TestState(t *testing.T) {
	other := &probe{name: "other"}
	h, cores := probes(t, func(o *kit.Options) { o.Features = append(o.Features, other) })
	c := cores[0]
	before := h.storeCalls()
	until := c.Now().Add(time.Minute)
	sealed, err := c.SealState("kind", until, []byte("data"), "ada", "session")
	if err != nil {
		t.Fatal(err)
	}
	text := string(sealed)
	st, err := cores[1].OpenState("kind", text, "ada", "session")
	if err != nil || string(st.Data) != "data" {
		t.Fatalf("opened %q, %v", st.Data, err)
	}
	if after := h.storeCalls(); after != before {
		t.Errorf("sealing and opening made %d calls of stores", after-before)
	}

	invalid := func(name string, core *kit.Core, kind, text string, binding ...string) {
		t.Helper()
		if st, err := core.OpenState(kind, text, binding...); !errors.Is(err, kit.ErrInvalidToken) || st.Data != nil {
			t.Errorf("%s: opened %q, %v", name, st.Data, err)
		}
	}
	invalid("another kind", c, "kin", text, "ada", "session")
	invalid("another feature", other.core, "kind", text, "ada", "session")
	invalid("another binding", c, "kind", text, "bob", "session")
	invalid("a binding that is cut elsewhere", c, "kind", text, "adas", "ession")
	invalid("a binding too few", c, "kind", text, "ada")
	invalid("a binding too many", c, "kind", text, "ada", "session", "")
	for i := range len(text) {
		for _, b := range []byte{text[i] ^ 1, text[i] ^ 32, '-', '\n'} {
			if b != text[i] {
				invalid("another byte", c, "kind", text[:i]+string(b)+text[i+1:], "ada", "session")
			}
		}
		invalid("cut off", c, "kind", text[:i], "ada", "session")
	}
	for _, end := range []string{"=", "==", "\n", "\r\n", " ", "A", ".", "." + text} {
		invalid("with more at the end", c, "kind", text+end, "ada", "session")
	}
	invalid("with another prefix", c, "kind", strings.Replace(text, "myauth_st_", "myauth_rt_", 1), "ada", "session")
	invalid("long", c, "kind", text+strings.Repeat("A", 1<<20), "ada", "session")
	if _, err := c.SealState("kind", until, make([]byte, 8<<10+1)); err == nil {
		t.Error("sealed more than 8 KiB")
	}
	if long, err := c.SealState("kind", until, make([]byte, 8<<10)); err != nil {
		t.Error(err)
	} else if _, err := c.OpenState("kind", string(long)); err != nil {
		t.Error("8 KiB do not open:", err)
	}

	spent := func(want bool) {
		t.Helper()
		if got, err := cores[1].StateSpent(t.Context(), st); err != nil || got != want {
			t.Errorf("spent: %v, %v", got, err)
		}
	}
	spent(false)
	errs := race(20, func(i int) error {
		st, err := cores[i%2].OpenState("kind", text, "ada", "session")
		if err != nil {
			return err
		}
		return cores[i%2].SpendState(t.Context(), "", st)
	})
	if n := winners(t, "spend", errs, kit.ErrRevokedToken); n != 1 {
		t.Errorf("%d of 20 calls spent one state", n)
	}
	spent(true)
	h.faults.Each(func(context.Context, string, any) kittest.Fault { return kittest.Down })
	if _, err := c.StateSpent(t.Context(), st); !errors.Is(err, kit.ErrUnavailable) {
		t.Error("without the store:", err)
	}
	h.faults.Clear()

	h.clock.Advance(time.Minute - time.Microsecond)
	if _, err := c.OpenState("kind", text, "ada", "session"); err != nil {
		t.Error("just before the end:", err)
	}
	h.clock.Advance(time.Microsecond)
	_, err = c.OpenState("kind", text, "ada", "session")
	h.wantErr("at the end", err, kit.ErrExpiredToken)
}

// TestStateOutlivesARotation: it opens while the key that sealed it is in the keyring.
func TestStateOutlivesARotation(t *testing.T) {
	h, cores := probes(t)
	keys := [2]*accesstoken.Key{}
	for i, secret := range []string{"the old secret, of 32 bytes or more", "the new secret, of 32 bytes or more"} {
		var err error
		if keys[i], err = accesstoken.NewKey(accesstoken.HS256, "", []byte(secret)); err != nil {
			t.Fatal(err)
		}
	}
	replace := func(signing *accesstoken.Key, verifying ...*accesstoken.Key) {
		if err := h.keys.Replace(signing, verifying...); err != nil {
			t.Fatal(err)
		}
	}
	replace(keys[0])
	text, err := cores[0].SealState("kind", start.Add(time.Hour), []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	replace(keys[1], keys[0])
	if st, err := cores[1].OpenState("kind", string(text)); err != nil || string(st.Data) != "data" {
		t.Errorf("after the rotation: %q, %v", st.Data, err)
	}
	replace(keys[1])
	_, err = cores[1].OpenState("kind", string(text))
	h.wantErr("after the key is gone", err, kit.ErrInvalidToken)
}

func TestSuspendedLogin(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*harness, *kit.Core, kit.User)
		want      error
	}{
		"nothing": {func(*harness, *kit.Core, kit.User) {}, nil},
		"a change of the password": {func(h *harness, _ *kit.Core, _ kit.User) {
			h.changePassword(goodPassword, otherPassword)
		}, kit.ErrRevokedToken},
		"a deactivation": {func(h *harness, _ *kit.Core, u kit.User) { h.Deactivate(t.Context(), u.ID) }, kit.ErrAccountDisabled},
		"a deactivation and an activation": {func(h *harness, _ *kit.Core, u kit.User) {
			h.Deactivate(t.Context(), u.ID)
			h.Activate(t.Context(), u.ID)
		}, kit.ErrRevokedToken},
		"the end of the credentials": {func(_ *harness, c *kit.Core, u kit.User) {
			c.ChangeUser(t.Context(), u.ID, func(u *kit.User) error { u.CredentialEpoch++; return nil })
		}, kit.ErrRevokedToken},
		"a deletion": {func(h *harness, _ *kit.Core, u kit.User) { h.DeleteUser(t.Context(), u.ID) }, kit.ErrRevokedToken},
	} {
		h, cores := probes(t)
		u, _ := h.register(testEmail)
		spent := 0
		text, err := cores[0].Suspend(t.Context(), kit.Login{User: u, AMR: []string{"sms"}, Spend: func(context.Context) error { spent++; return nil }}, start.Add(time.Minute))
		if err != nil || spent != 1 {
			t.Fatalf("suspended, spent %d times, %v", spent, err)
		}
		c.meanwhile(h, cores[0], u)
		errs := race(20, func(i int) error {
			l, err := cores[i%2].Resume(string(text))
			if err == nil {
				_, err = cores[i%2].Grant(t.Context(), l)
			}
			return err
		})
		if c.want != nil {
			if n := winners(t, name, errs, c.want); n != 0 {
				t.Errorf("%s: %d of 20 calls logged in", name, n)
			}
			continue
		}
		if n := winners(t, name, errs, kit.ErrRevokedToken); n != 1 {
			t.Errorf("%s: %d of 20 calls logged in", name, n)
		}
		sessions, err := h.Sessions(t.Context(), u.ID)
		if err != nil || len(sessions) != 1 || sessions[0].AMR[0] != "sms" {
			t.Errorf("%s: sessions %+v, %v", name, sessions, err)
		}
		h.clock.Advance(time.Minute)
		_, err = cores[0].Resume(string(text))
		h.wantErr("at the end", err, kit.ErrExpiredToken)
	}
	h, cores := probes(t)
	u, _ := h.register(testEmail)
	text, err := cores[0].Suspend(t.Context(), kit.Login{User: u}, start.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Hour)
	late, err := cores[0].Resume(string(text))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := cores[0].Grant(t.Context(), late)
	if c := h.claims(tokens); err != nil || !c.AuthTime.Equal(start) {
		t.Errorf("resumed an hour later: auth_time %v, %v, want that of the proof", c.AuthTime, err)
	}
	text, err = cores[0].Suspend(t.Context(), kit.Login{User: u, Spend: func(context.Context) error { return kit.ErrRevokedToken }}, start.Add(24*time.Hour))
	if !errors.Is(err, kit.ErrRevokedToken) || text != "" {
		t.Errorf("a proof that is spent: %q, %v", string(text), err)
	}
	// What a feature seals of a client's making is no login, whatever it calls it.
	for _, kind := range []string{"login", "/login", "suspended login of probe"} {
		forged, err := cores[0].SealState(kind, start.Add(24*time.Hour), []byte(`{"u":"`+u.ID+`","s":0,"c":0,"a":["pwd"]}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cores[0].Resume(string(forged)); !errors.Is(err, kit.ErrInvalidToken) {
			t.Errorf("%s: resumed, %v", kind, err)
		}
	}
}
