package kit

import (
	"context"
	"errors"

	"myauth.internal/kit/throttle"
)

// ChangePassword sets a new password if the current one is right. Like a reset it ends every
// session and token of the user, the caller's too: call [Service.Login] with the new
// password. After [ErrUnavailable] the password may have been changed. If so, repeating the
// call returns [ErrInvalidCredentials], and the new password logs in.
//
// Errors: a [ValidationError] for new_password, [ErrInvalidCredentials],
// [ErrUserNotFound], [ErrAccountDisabled], a [throttle.LimitError].
func (s *Service) ChangePassword(ctx context.Context, userID, current, newPassword string) (err error) {
	u, err := s.UserByID(ctx, userID)
	if err != nil {
		return err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionChangePassword, EmailKey: EmailKey(u.Email), UserID: u.ID}, current)
	if err != nil {
		return err
	}
	defer c.end(ctx, &err)
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
	if err := s.ValidatePassword(ctx, "new_password", newPassword, u.Email, u.Username); err != nil {
		return err
	}
	proved := u.SessionEpoch
	hash, err := s.hash(ctx, newPassword)
	if err != nil {
		return err
	}
	u, _, err = s.changeUser(ctx, userID, func(u *User) error {
		if u.PasswordHash == hash {
			return ErrUnchanged // this call's write: no other hash has its salt
		}
		if u.SessionEpoch != proved {
			return ErrInvalidCredentials // the password was changed meanwhile
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
