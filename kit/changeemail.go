package kit

import "context"

// ChangeEmail gives the user another address, not verified yet, and queues its
// verification mail. The old address is told ([MailEmailChanged]). Every session and
// token of the user ends, because whoever reads the old mailbox may hold one.
//
// The change takes effect before anybody has proved to own the new mailbox. So this is
// an administrator's tool, for a user who has lost the old one: an application must not
// offer it to users, who could take any free address, or lose the account by a typing
// error. Until the new address is verified, a password reset clears settings and
// username: see [Service.ResetPassword].
//
// When the user has that very address already, only the verification mail is queued,
// and only while the address is not verified: the call that gave it may have ended with
// [ErrUnavailable], and then queued none.
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
			return errUnchanged
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
