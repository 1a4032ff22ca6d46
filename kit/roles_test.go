package kit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
)

func TestRoles(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	steps := []struct {
		do   func() (kit.User, error)
		want []string
	}{
		{func() (kit.User, error) { return h.SetRoles(t.Context(), u.ID, "b", "a", "b", "ä ö") }, []string{"b", "a", "ä ö"}},
		{func() (kit.User, error) { return h.AddRole(t.Context(), u.ID, "c") }, []string{"b", "a", "ä ö", "c"}},
		{func() (kit.User, error) { return h.AddRole(t.Context(), u.ID, "a") }, []string{"b", "a", "ä ö", "c"}},
		{func() (kit.User, error) { return h.RemoveRole(t.Context(), u.ID, "b") }, []string{"a", "ä ö", "c"}},
		{func() (kit.User, error) { return h.RemoveRole(t.Context(), u.ID, "zzz") }, []string{"a", "ä ö", "c"}},
	}
	for i, s := range steps {
		if got, err := s.do(); err != nil || !slices.Equal(got.Roles, s.want) {
			t.Errorf("step %d: %v, %v, want %v", i, got.Roles, err, s.want)
		}
	}
	for _, bad := range []string{"", strings.Repeat("r", 65), "\xff", "a\x00b"} {
		if _, err := h.AddRole(t.Context(), u.ID, bad); err == nil {
			t.Errorf("the role %q was accepted", bad)
		}
	}
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("%03d%s", i, strings.Repeat("\u0001", 10))
	}
	if _, err := h.SetRoles(t.Context(), u.ID, many...); err == nil {
		t.Error("roles that no access token could carry were accepted")
	}
	if _, err := h.SetRoles(t.Context(), u.ID, many[:30]...); err != nil {
		t.Error(err)
	}
	tokens := h.login(testEmail, goodPassword)
	if _, claims, err := h.Authenticate(t.Context(), string(tokens.AccessToken)); err != nil || len(claims.Roles) != 30 {
		t.Error("as many roles as there may be:", len(claims.Roles), err)
	}
	_, err := h.AddRole(t.Context(), "nobody", "a")
	h.wantErr("a role for nobody", err, kit.ErrUserNotFound)
}
