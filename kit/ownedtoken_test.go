package kit_test

import (
	"context"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

// owningTokens is a [kit.OwnedTokenStore] over tokens and users in memory.
type owningTokens struct {
	kit.TokenStore
	users kit.UserStore
}

func (o owningTokens) WithOwner(users kit.UserStore) func(context.Context, string) (kit.Token, kit.User, error) {
	if users != o.users {
		return nil
	}
	return func(ctx context.Context, id string) (kit.Token, kit.User, error) {
		t, err := o.ByID(ctx, id)
		if err != nil {
			return kit.Token{}, kit.User{}, err
		}
		u, err := users.ByID(ctx, t.UserID)
		return t, u, err
	}
}

// A refresh over a store that reads a session with its user asks it once, and refuses what it
// refuses over any other.
func TestRefreshOverAStoreThatReadsTheUserToo(t *testing.T) {
	for name, c := range map[string]struct {
		before func(ctx context.Context, s *kit.Service, u kit.User) error
		want   error
	}{
		"live":  {func(context.Context, *kit.Service, kit.User) error { return nil }, nil},
		"ended": {func(ctx context.Context, s *kit.Service, u kit.User) error { return s.EndAllSessions(ctx, u.ID) }, kit.ErrRevokedToken},
		"deactivated": {func(ctx context.Context, s *kit.Service, u kit.User) error {
			_, err := s.Deactivate(ctx, u.ID)
			return err
		}, kit.ErrAccountDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			h, u, token := newOwningHarness(t)
			if err := c.before(t.Context(), h.Service, u); err != nil {
				t.Fatal(err)
			}
			reads := func() [3]int {
				return [3]int{h.faults.Calls("tokens.WithOwner"), h.faults.Calls("tokens.ByID"), h.faults.Calls("users.ByID")}
			}
			before := reads()
			_, err := h.refresh(token)
			h.wantErr("refresh", err, c.want)
			after := reads()
			if after[0] != before[0]+1 || after[2] != before[2] || c.want == nil && after[1] != before[1] {
				t.Errorf("reads %v before and %v after", before, after)
			}
		})
	}

	h, u, token := newOwningHarness(t)
	h.faults.Inject("tokens.WithOwner", kittest.Down, 1)
	_, err := h.refresh(token)
	h.wantErr("in an outage", err, kit.ErrUnavailable)
	token = h.mustRefresh(token).RefreshToken
	if err := h.store.Users().Delete(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.refresh(token)
	h.wantErr("without the user", err, kit.ErrRevokedToken)
	session := h.sessionRows(u.ID)[0]
	if err := h.store.Tokens().Delete(t.Context(), session.ID, session.Version); err != nil {
		t.Fatal(err)
	}
	_, err = h.refresh(token)
	h.wantErr("without the session", err, kit.ErrInvalidToken)
}

// Within a transaction the user comes from the users of the transaction, and never from those beside
// the tokens outside.
func TestWithinReadsItsOwnUsers(t *testing.T) {
	h, u, token := newOwningHarness(t)
	users := memstore.New().Users()
	if err := users.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	u.SessionEpoch++
	if err := users.Update(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	within, _ := h.Within(kit.Stores{Users: users})
	_, err := within.Refresh(t.Context(), string(token))
	h.wantErr("over users in a transaction", err, kit.ErrRevokedToken)
	h.mustRefresh(token)

	other := h.faults.Stores(memstore.New().Stores())
	within, _ = h.Within(kit.Stores{Tokens: other.Tokens})
	_, err = within.Refresh(t.Context(), string(token))
	h.wantErr("over tokens in a transaction", err, kit.ErrInvalidToken)
}

// newOwningHarness returns a Service over such a store, with a user who is logged in.
func newOwningHarness(t *testing.T) (*harness, kit.User, kit.Secret) {
	h := newHarness(t)
	stores := h.store.Stores()
	stores.Tokens = owningTokens{stores.Tokens, stores.Users}
	h.Service = h.over(h.faults.Stores(stores))
	u, _ := h.register(testEmail)
	return h, u, h.login(testEmail, goodPassword).RefreshToken
}
