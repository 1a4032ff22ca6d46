package admin

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"myauth.internal/kit"
)

// firstAdmin gives the role to the account with an address, while nobody has it.
type firstAdmin struct {
	core  *kit.Core
	email string // as kit.EmailKey has it
	// settled: there was an administrator. The last one stays, so there always will be.
	settled atomic.Bool
}

// actorFirstAdmin is the Actor of the event when the setting gives the role, not a person.
const actorFirstAdmin = "first_admin"

// observe looks for an administrator when an account may have become the one with the address.
// Once there is one, it does nothing more. A failure is no failure of the login: the next one
// tries again.
func (f *firstAdmin) observe(ctx context.Context, e kit.Event) {
	switch e.Kind {
	case kit.EventLoggedIn, kit.EventEmailVerified, kit.EventEmailChanged:
	default:
		return
	}
	if f.settled.Load() {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if err := f.appoint(ctx, e.UserID); err != nil {
		f.core.Logger().WarnContext(ctx, "myauth: could not look whether this account is to be the first administrator: its next login tries again", "user_id", e.UserID, "err", err)
	}
}

// appoint makes a user the administrator if there is none and the address is the user's. Two
// instances at once appoint the same account.
func (f *firstAdmin) appoint(ctx context.Context, userID string) error {
	admins, err := f.core.Service().Administrators(ctx)
	if err != nil {
		return err
	}
	if len(admins) > 0 {
		f.settled.Store(true)
		return nil
	}
	u, err := f.core.User(ctx, userID)
	if err == nil && f.due(u) {
		_, changed, err := f.core.ChangeUser(ctx, userID, func(u *kit.User) error {
			if !f.due(*u) { // any more: another call has written
				return kit.ErrUnchanged
			}
			u.Roles = append(slices.Clone(u.Roles), kit.AdminRole)
			return nil
		})
		if err == nil && changed {
			f.core.Emit(ctx, kit.Event{Kind: kit.EventRolesChanged, UserID: userID, Actor: actorFirstAdmin})
		}
		return err
	}
	if errors.Is(err, kit.ErrUserNotFound) {
		return nil
	}
	return err
}

// due reports whether u, who is no administrator, is to be the first.
func (f *firstAdmin) due(u kit.User) bool {
	return u.Active && u.Verified && !u.HasRole(kit.AdminRole) && kit.EmailKey(u.Email) == f.email
}
