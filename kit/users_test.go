package kit_test

import (
	"errors"
	"fmt"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestUsers(t *testing.T) {
	h := newHarness(t)
	for i := range 5 {
		if _, err := h.Import(t.Context(), kit.User{ID: fmt.Sprint(9 - i), Email: fmt.Sprintf("U%d@example.com", i), Username: "u"}); err != nil {
			t.Fatal(err)
		}
	}
	var ids string
	for after := ""; ; {
		page, err := h.Users(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page {
			ids += u.ID
			after = u.ID
		}
		if len(page) < 2 {
			break
		}
	}
	if ids != "56789" {
		t.Errorf("the walk is %s", ids)
	}
	found, err := h.UsersByEmail(t.Context(), "u", "u1@EXAMPLE.com", -1) // a page has at least one
	if err != nil || len(found) != 1 || found[0].Email != "U2@example.com" {
		t.Errorf("found %v, %v", found, err)
	}
	if found, err := h.UsersByEmail(t.Context(), "_", "", 5000); err != nil || len(found) != 0 {
		t.Errorf("_ is a wildcard: %v, %v", found, err)
	}
	h.faults.Inject("users.List", kittest.Down, 1)
	_, err = h.Users(t.Context(), "", 10)
	h.wantErr("an outage", err, kit.ErrUnavailable)

	stores := h.store.Stores()
	stores.Users = struct{ kit.UserStore }{stores.Users}
	s := h.over(stores)
	_, err = s.Users(t.Context(), "", 10)
	h.wantErr("a store that cannot list", err, errors.ErrUnsupported)
	_, err = s.UsersByEmail(t.Context(), "", "", 10)
	h.wantErr("a store that cannot list", err, errors.ErrUnsupported)
	if errors.Is(err, kit.ErrUnavailable) || s.Stats().UsersUnavailable != 0 {
		t.Errorf("it counts as an outage: %v", err)
	}
}
