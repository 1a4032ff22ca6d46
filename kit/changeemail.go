package kit

import (
	"context"
	"errors"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/throttle"
)

// ChangeEmail gives the user another address, which is not verified, and queues its
// verification mail and a notice to the old address ([MailEmailChanged]). Every session and
// token of the user ends, because a reader of the old mailbox may hold one.
//
// The change takes effect before the user has proved to own the new mailbox. So this is a
// tool for administrators, for a user who has lost the old mailbox. Users change their own
// address by [Service.RequestEmailChange]: with this they could take any free address, or lose the
// account by a typing error.
// Until the new address is verified, a password reset clears settings, username and second
// factors: see [Service.ResetPassword].
//
// If the user has that address already, and it is not verified, only the verification mail is
// queued: an earlier call may have returned [ErrUnavailable] and queued none.
//
// Errors: a [ValidationError], [ErrUserExists], [ErrUserNotFound].
func (s *Service) ChangeEmail(ctx context.Context, id, email string) (User, error) {
	email, bad := checkEmail("email", email)
	if len(bad) > 0 {
		return User{}, &ValidationError{Fields: bad}
	}
	var before User
	u, changed, err := s.changeUser(ctx, id, func(u *User) error {
		if u.Email == email {
			return ErrUnchanged
		}
		before = *u
		u.Email = email
		u.Verified = false
		u.SessionEpoch++
		return nil
	})
	if err == nil && changed {
		s.emit(ctx, Event{Kind: EventEmailChanged, UserID: u.ID})
		s.queueMail(ctx, MailEmailChanged, before) // to the address of before
	}
	if err == nil && !u.Verified {
		s.queueMail(ctx, MailVerification, u)
	}
	return u, err
}

// RequestEmailChange begins the change of the address of the user whose access token has claims.
// It queues a mail with a link to the new address ([MailEmailChange]) and a notice to the present
// one ([MailEmailChangeRequested]). Nothing changes before [Service.ConfirmEmailChange]. The links of
// earlier requests for other addresses are revoked, and those for the same one when this mail is
// sent. The caller has asked [Service.CheckRecent].
//
// Whether another account has the new address, neither the result nor its time tells: only the
// confirmation looks.
//
// Errors: [ErrEmailNotConfigured], a [ValidationError] for new_email, [ErrRevokedToken] also when
// the session of claims has ended, [ErrAccountDisabled], a [throttle.LimitError].
func (s *Service) RequestEmailChange(ctx context.Context, claims accesstoken.Claims, newEmail string) (err error) {
	if s.mails == nil {
		return ErrEmailNotConfigured
	}
	newEmail, bad := checkEmail("new_email", newEmail)
	if len(bad) > 0 {
		return &ValidationError{Fields: bad}
	}
	u, _, err := s.signedIn(ctx, claims)
	if err != nil {
		return err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionEmailChangeRequest, EmailKey: EmailKey(u.Email), UserID: u.ID, Device: claims.SessionID}, "")
	if err != nil {
		return err
	}
	defer c.end(ctx, &err)
	ctx = context.WithoutCancel(ctx)
	// At once, and not when the mail is sent, because the spacing of mails may leave it out.
	err = s.eachEmailChange(ctx, u.ID, func(t Token) error {
		if string(t.Data) == newEmail {
			return nil
		}
		return s.revoke(ctx, t)
	})
	if err != nil {
		return err
	}
	s.emit(ctx, Event{Kind: EventEmailChangeRequested, UserID: u.ID, SessionID: claims.SessionID})
	s.queueMail(ctx, MailEmailChangeRequested, u)
	s.queueMailWith(ctx, MailEmailChange, u, MailContent{To: newEmail})
	return nil
}

func (s *Service) eachEmailChange(ctx context.Context, userID string, do func(Token) error) error {
	return eachToken(ctx, s.tokens, userID, func(t Token) error {
		if t.Type != EmailChangeToken {
			return nil
		}
		return do(t)
	})
}

// ConfirmEmailChange gives a user the address for which a mailed token was made. The same write
// marks it as verified, because the token proves who owns it, and ends every session, access
// token and reset token of the user. The address of before gets a notice ([MailEmailChanged]). It
// does not log in. A reset, a change of password and a newer request revoke the token. Of any
// number of concurrent uses one succeeds.
//
// Errors: [ErrInvalidToken], [ErrExpiredToken], [ErrRevokedToken], [ErrUserExists] if another
// account has the address, a [throttle.LimitError].
func (s *Service) ConfirmEmailChange(ctx context.Context, token string) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	presented, ok := opaque.Parse(emailChangePrefix, token)
	if !ok {
		return s.refuseToken(ctx, "change of address", "", ErrInvalidToken)
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionEmailChange}, token)
	if err != nil {
		return err
	}
	defer c.end(ctx, &err)
	row, _, err := s.checkMailed(ctx, presented, EmailChangeToken)
	if err == nil {
		err = s.eachEmailChange(ctx, row.UserID, func(t Token) error {
			if t.ID > row.ID && t.RevokedAt.IsZero() { // they sort by age
				return ErrRevokedToken
			}
			return nil
		})
	}
	if err != nil {
		return s.refuseToken(ctx, "change of address", row.UserID, err)
	}
	email := string(row.Data)
	var before User
	u, changed, err := s.changeUser(ctx, row.UserID, func(u *User) error {
		switch {
		case u.SessionEpoch == row.Epoch+1 && u.Email == email && u.Verified:
			return ErrUnchanged // the write of this call, or of another with this token
		case u.SessionEpoch != row.Epoch || !u.Active:
			return ErrRevokedToken
		}
		before = *u
		u.Email, u.Verified = email, true
		u.SessionEpoch++
		return nil
	})
	if errors.Is(err, ErrUserNotFound) || err == nil && !changed {
		err = ErrRevokedToken
	}
	if err != nil {
		return s.refuseToken(ctx, "change of address", row.UserID, err)
	}
	s.emit(ctx, Event{Kind: EventEmailChanged, UserID: u.ID})
	s.queueMail(ctx, MailEmailChanged, before) // to the address of before
	s.clearGuesses(ctx, u.Email)               // those from before it was this account's
	return nil
}
