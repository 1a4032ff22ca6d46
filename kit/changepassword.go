package kit

import (
	"context"
	"errors"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/throttle"
)

// ChangePassword sets a new password if the current one is right. Like a reset, the same write
// ends every session, access token and reset token of the user. Then the session of claims is
// let live on: its refresh token stays, and the result has its new access token. A crash in
// between ends that session too, and a refresh in between returns [ErrRevokedToken]. After
// [ErrUnavailable] the password may have been changed. If so, repeating the call returns
// [ErrRevokedToken], and the new password logs in.
//
// Errors: a [ValidationError] for new_password, [ErrInvalidCredentials], [ErrRevokedToken] also
// when the session of claims has ended, [ErrAccountDisabled], a [throttle.LimitError].
func (s *Service) ChangePassword(ctx context.Context, claims accesstoken.Claims, current, newPassword string) (_ TokenPair, err error) {
	u, session, err := s.signedIn(ctx, claims)
	if err != nil {
		return TokenPair{}, err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionChangePassword, EmailKey: EmailKey(u.Email), UserID: u.ID, Device: claims.SessionID}, current)
	if err != nil {
		return TokenPair{}, err
	}
	defer c.end(ctx, &err)
	matched, _, err := s.compare(ctx, u.PasswordHash, current)
	if err != nil {
		return TokenPair{}, err
	}
	if !matched {
		s.emit(ctx, Event{Kind: EventPasswordChangeFailed, UserID: u.ID, SessionID: claims.SessionID, Err: ErrInvalidCredentials})
		return TokenPair{}, ErrInvalidCredentials
	}
	if err := s.ValidatePassword(ctx, "new_password", newPassword, u.Email, u.Username); err != nil {
		return TokenPair{}, err
	}
	hash, err := s.hash(ctx, newPassword)
	if err != nil {
		return TokenPair{}, err
	}
	before := u
	u, _, err = s.changeUser(ctx, u.ID, func(u *User) error {
		if u.PasswordHash == hash {
			return ErrUnchanged // this call's write: no other hash has its salt
		}
		if err := checkEpoch(*u, claims.Epoch); err != nil {
			return err // the password was changed meanwhile, for example
		}
		u.PasswordHash = hash
		u.SessionEpoch++
		return nil
	})
	if errors.Is(err, ErrUserNotFound) {
		err = ErrRevokedToken
	}
	if err != nil {
		return TokenPair{}, err
	}
	s.emit(ctx, Event{Kind: EventPasswordChanged, UserID: u.ID, SessionID: claims.SessionID})
	s.queueMail(ctx, MailPasswordChanged, u)
	ctx = context.WithoutCancel(ctx)
	device := ""
	tokens, err := s.keepSession(ctx, u, session, func(d *sessionData) { device = d.device })
	s.keepDevices(ctx, before, u, func(id string) bool { return id == device })
	return tokens, err
}
