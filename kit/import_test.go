package kit_test

import (
	"testing"

	"myauth.internal/kit"
)

// In a User, as a store returns it, empty settings are none.
func TestImportWithEmptySettings(t *testing.T) {
	h := newHarness(t)
	u, err := h.Import(t.Context(), kit.User{Email: testEmail, Username: "Ada", Settings: []byte{}, Active: true})
	if err != nil || string(u.Settings) != "{}" {
		t.Errorf("got settings %q, %v", u.Settings, err)
	}
}

func TestImportTwice(t *testing.T) {
	h := newHarness(t)
	u := kit.User{ID: "legacy-1", Email: testEmail, Username: "a", Active: true, CreatedAt: start, UpdatedAt: start}
	for range 2 {
		if _, err := h.Import(t.Context(), u); err != nil {
			t.Error("the very same record:", err)
		}
	}
	u.Email = "other@example.com"
	_, err := h.Import(t.Context(), u)
	h.wantErr("another record with the same ID", err, kit.ErrUserExists)
}

// Removing a factor takes its name out once.
func TestImportWithAFactorTwice(t *testing.T) {
	h := newHarness(t)
	u, err := h.Import(t.Context(), kit.User{Email: testEmail, Username: "Ada", Factors: []string{"totp", "totp"}})
	if err != nil || len(u.Factors) != 1 {
		t.Errorf("got factors %q, %v", u.Factors, err)
	}
}
