package kit

import "context"

// Deactivate disables an account: one write refuses its logins, and ends all its sessions and
// tokens. Repeating it is no error. Errors: [ErrUserNotFound].
func (s *Service) Deactivate(ctx context.Context, id string) (User, error) {
	return s.setActive(ctx, id, false)
}

// Activate lets a deactivated account log in again. Its sessions and tokens stay ended.
// Errors: [ErrUserNotFound].
func (s *Service) Activate(ctx context.Context, id string) (User, error) {
	return s.setActive(ctx, id, true)
}

func (s *Service) setActive(ctx context.Context, id string, active bool) (User, error) {
	u, changed, err := s.changeUser(ctx, id, func(u *User) error {
		if u.Active == active {
			return ErrUnchanged
		}
		u.Active = active
		if !active {
			u.SessionEpoch++
		}
		return nil
	})
	if err == nil && changed {
		kind := EventActivated
		if !active {
			kind = EventDeactivated
		}
		s.emit(ctx, Event{Kind: kind, UserID: id})
	}
	return u, err
}
