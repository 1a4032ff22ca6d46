package kit

import (
	"context"
	"errors"
)

// ChangePassword replaces a password whose owner gives the current one. Like a
// reset it ends every session and token of the user, the caller's too: log in
// again, or call [Service.Login] at once with the new password. When an outage swallows
// both the answer of the write and the look at its outcome, the error is
// [ErrUnavailable] and the password may have been changed: then repeating it says
// [ErrInvalidCredentials], and the new password logs in.
//
// Errors: a [ValidationError] for new_password, [ErrInvalidCredentials],
// [ErrUserNotFound], [ErrAccountDisabled], a [LimitError].
func (s *Service) ChangePassword(ctx context.Context, userID, current, newPassword string) error {
	u, err := s.UserByID(ctx, userID)
	if err != nil {
		return err
	}
	if err := s.limit(ctx, ActionChangePassword, u.Email); err != nil {
		return err
	}
	matched, _, err := s.compare(ctx, u.PasswordHash, current)
	if err != nil {
		return err
	}
	if !matched {
		s.emit(ctx, Event{Kind: EventPasswordChangeFailed, UserID: u.ID, Err: ErrInvalidCredentials})
		return ErrInvalidCredentials
	}
	if !u.Active {
		return ErrAccountDisabled
	}
	if err := s.ValidatePassword("new_password", newPassword, u.Email, u.Username); err != nil {
		return err
	}
	proved := u.SessionEpoch
	hash, err := s.hash(ctx, newPassword)
	if err != nil {
		return err
	}
	u, _, err = s.changeUser(ctx, userID, func(u *User) error {
		if u.PasswordHash == hash {
			return errUnchanged // this call's own write: no other has its salt
		}
		if u.SessionEpoch != proved {
			return ErrInvalidCredentials // the password that was proved is no longer it
		}
		u.PasswordHash = hash
		u.SessionEpoch++
		return nil
	})
	if errors.Is(err, ErrUserNotFound) {
		return ErrInvalidCredentials
	} else if err != nil {
		return err
	}
	s.emit(ctx, Event{Kind: EventPasswordChanged, UserID: u.ID})
	s.queueMail(ctx, MailPasswordChanged, u)
	return nil
}
