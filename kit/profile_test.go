package kit_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"myauth.internal/kit"
)

func TestSettings(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	deep := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1))
	}
	big := func(n int) json.RawMessage {
		return json.RawMessage(`{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`)
	}
	for name, ok := range map[string]json.RawMessage{"deep": deep(16), "big": big(16 << 10), "empty": json.RawMessage("{}")} {
		if _, err := h.ChangeProfile(t.Context(), u.ID, kit.Profile{Settings: ok}); err != nil {
			t.Error(name, err)
		}
	}
	for name, bad := range map[string]json.RawMessage{
		"too deep": deep(17), "too big": big(16<<10 + 1), "array": json.RawMessage("[]"), "null": json.RawMessage("null"),
		"two": json.RawMessage("{}{}"), "repeated": json.RawMessage(`{"a":1,"a":2}`), "nothing": {},
	} {
		if _, err := h.ChangeProfile(t.Context(), u.ID, kit.Profile{Settings: bad}); err == nil {
			t.Error(name, "was accepted")
		}
	}
}

// TestChangeProfile: one write for both, none for nothing, and the errors of all fields at once.
func TestChangeProfile(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	name, bad := " Countess\t", "a\x00b"
	u, err := h.ChangeProfile(t.Context(), u.ID, kit.Profile{Username: &name, Settings: json.RawMessage(`{ "theme": "dark" }`)})
	if err != nil || u.Username != "Countess" || string(u.Settings) != `{"theme":"dark"}` || u.Version != 2 || name != " Countess\t" {
		t.Errorf("both: %+v, %v", u, err)
	}
	next := "Ada"
	if u, err = h.ChangeProfile(t.Context(), u.ID, kit.Profile{Username: &next}); err != nil || u.Username != "Ada" || string(u.Settings) != `{"theme":"dark"}` {
		t.Errorf("the name: %+v, %v", u, err)
	}
	if u, err = h.ChangeProfile(t.Context(), u.ID, kit.Profile{Settings: json.RawMessage("{}")}); err != nil || u.Username != "Ada" || string(u.Settings) != "{}" {
		t.Errorf("the settings: %+v, %v", u, err)
	}
	for what, p := range map[string]kit.Profile{"nothing": {}, "what is so": {Username: &next, Settings: json.RawMessage("{ }")}} {
		if same, err := h.ChangeProfile(t.Context(), u.ID, p); err != nil || same.Version != u.Version || !same.UpdatedAt.Equal(u.UpdatedAt) {
			t.Errorf("%s: %+v, %v", what, same, err)
		}
	}
	wrong := kit.Profile{Username: &bad, Settings: json.RawMessage("[]")}
	_, err = h.ChangeProfile(t.Context(), u.ID, wrong)
	for what, err := range map[string]error{"ChangeProfile": err, "ValidateProfile": h.ValidateProfile(wrong)} {
		var invalid *kit.ValidationError
		if !errors.As(err, &invalid) || len(invalid.Fields) != 2 || invalid.Fields[0].Field != "username" || invalid.Fields[1].Field != "user_settings" {
			t.Errorf("%s of two bad fields: %v", what, err)
		}
	}
	h.wantErr("a good one", h.ValidateProfile(kit.Profile{Username: &next}), nil)
	_, err = h.ChangeProfile(t.Context(), "nobody", kit.Profile{Username: &next})
	h.wantErr("nobody's", err, kit.ErrUserNotFound)
}

// TestChangeOwnProfile: a request that a reset overtakes writes nothing, however close it was.
func TestChangeOwnProfile(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	claims, name := h.claims(h.login(testEmail, goodPassword)), "Mallory"
	change := func() error {
		_, err := h.ChangeOwnProfile(t.Context(), claims, kit.Profile{Username: &name, Settings: json.RawMessage(`{"a":1}`)})
		return err
	}
	h.wantErr("in a session", change(), nil)
	reset := h.resetToken(testEmail)
	h.rename(u.ID, "Ada")
	h.faults.OnCall("users.Update", func() { // which then loses
		if err := h.ResetPassword(t.Context(), reset, otherPassword); err != nil {
			t.Error(err)
		}
	})
	h.wantErr("during a reset", change(), kit.ErrRevokedToken)
	h.wantErr("after a reset", change(), kit.ErrRevokedToken)
	if u, err := h.UserByID(t.Context(), u.ID); err != nil || u.Username == name || string(u.Settings) != "{}" {
		t.Errorf("the profile is %+v, %v", u, err)
	}
	claims = h.claims(h.login(testEmail, otherPassword))
	if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	h.wantErr("of a disabled account", change(), kit.ErrAccountDisabled)
	if err := h.DeleteUser(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	h.wantErr("of a deleted account", change(), kit.ErrRevokedToken)
}

// TestPrivate: only the application writes it and sees it, so the first proof of an address,
// which clears what a stranger may have written, leaves it.
func TestPrivate(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	u, err := h.SetPrivate(t.Context(), u.ID, []byte(` {"customer": "C-4711"} `))
	if err != nil || string(u.Private) != `{"customer":"C-4711"}` {
		t.Fatalf("private %s, %v", u.Private, err)
	}
	for _, bad := range []string{`[]`, `{"a":1,"a":2}`, `null`, `{`, `{"long":"` + strings.Repeat("x", 16<<10) + `"}`} {
		var invalid *kit.ValidationError
		if _, err := h.SetPrivate(t.Context(), u.ID, []byte(bad)); !errors.As(err, &invalid) {
			t.Errorf("%.40s: error %v", bad, err)
		}
	}
	body, err := json.Marshal(h.login(testEmail, goodPassword).User)
	if err != nil || strings.Contains(string(body), "4711") || strings.Contains(string(body), "rivate") {
		t.Errorf("the API shows %s, %v", body, err)
	}
	if err := h.ResetPassword(t.Context(), h.resetToken(testEmail), otherPassword); err != nil {
		t.Fatal(err)
	}
	if u, err = h.UserByID(t.Context(), u.ID); err != nil || !u.Verified || string(u.Private) != `{"customer":"C-4711"}` {
		t.Errorf("after the first proof: %s, %v", u.Private, err)
	}
	if u, err = h.SetPrivate(t.Context(), u.ID, nil); err != nil || string(u.Private) != `{}` {
		t.Errorf("cleared: %s, %v", u.Private, err)
	}
	_, err = h.SetPrivate(t.Context(), "nobody", nil)
	h.wantErr("nobody's", err, kit.ErrUserNotFound)
}
