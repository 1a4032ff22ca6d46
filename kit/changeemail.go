package kit

import "context"

// ChangeEmail gives the user another address, which is not verified, and queues its
// verification mail and a notice to the old address ([MailEmailChanged]). Every session and
// token of the user ends, because a reader of the old mailbox may hold one.
//
// The change takes effect before the user has proved to own the new mailbox. So this is a
// tool for administrators, for a user who has lost the old mailbox. An application must not
// offer it to users: they could take any free address, or lose the account by a typing error.
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
