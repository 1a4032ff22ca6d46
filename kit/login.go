package kit

import (
	"context"
	"errors"

	"myauth.internal/kit/throttle"
)

// passwordAMR is read only.
var passwordAMR = []string{amrPassword}

// Login checks a password and starts a session: it is [Service.CheckPassword] and
// [Service.Grant].
//
// Errors: those of both.
func (s *Service) Login(ctx context.Context, email, password string) (TokenPair, error) {
	u, known, err := s.provePassword(ctx, email, password)
	if err != nil {
		return TokenPair{}, err
	}
	return s.grant(ctx, Login{User: u, AMR: passwordAMR, device: known})
}

// CheckPassword returns the account with that address and password, whatever its state, and
// starts no session: for an application's own login, or before a dangerous act. A login of
// it ends with [Service.Grant], which checks the state.
//
// An unknown address, a wrong password and an unreadable stored hash give the same answer
// after the same work, one comparison at the configured cost. With Options.ConcealAccounts an
// account whose address is not verified gets the same answer as a wrong password, and its
// owner the verification mail again.
//
// Errors: [ErrInvalidCredentials], a [throttle.LimitError].
func (s *Service) CheckPassword(ctx context.Context, email, password string) (User, error) {
	u, _, err := s.provePassword(ctx, email, password)
	return u, err
}

// provePassword is CheckPassword, and returns the client's device if it is one of the account.
func (s *Service) provePassword(ctx context.Context, email, password string) (_ User, known device, err error) {
	if err := s.enter(ctx); err != nil {
		return User{}, device{}, err
	}
	// An invalid address becomes empty: no account has it, and it may have any length.
	email, _ = checkEmail("email", email)
	known, u, err := s.deviceOf(ctx, email)
	if err != nil {
		return User{}, device{}, err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionLogin, EmailKey: EmailKey(email), Device: known.row.ID}, password)
	if err != nil {
		return User{}, device{}, err
	}
	defer c.end(ctx, &err)
	u, err = s.checkCredentials(ctx, u, email, password)
	if errors.Is(err, ErrInvalidCredentials) || errors.Is(err, ErrEmailNotVerified) {
		s.tellOfGuessing(ctx, c, email, u.ID)
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: u.ID, Err: err})
	}
	if errors.Is(err, ErrEmailNotVerified) {
		// Concealed: a stranger who registered the address knows this password. The mail tells
		// the owner.
		s.queueMailFor(ctx, MailVerification, u.Email) // if the account is active
		err = ErrInvalidCredentials
	}
	if err != nil {
		return User{}, device{}, err
	}
	if known.row.ID != "" {
		known.data.Password = passwordMark(u) // the hash may have been replaced by a better one
	}
	return u, known, nil
}

// checkCredentials returns the user with that address and password: u, if it was read before. With
// [ErrInvalidCredentials] it returns a User with the ID of the account, if there is one, for
// the audit stream only. If accounts are concealed, it returns [ErrEmailNotVerified] with the
// user, which must not reach the caller of Login.
func (s *Service) checkCredentials(ctx context.Context, u User, email, password string) (User, error) {
	err := ErrNotFound
	if u.ID != "" {
		err = nil
	} else if email != "" {
		u, err = s.users.ByEmail(ctx, email)
	}
	if errors.Is(err, ErrNotFound) {
		// The empty hash never matches, after the work of a comparison.
		if _, _, err := s.compare(ctx, "", password); err != nil {
			return User{}, err
		}
		return User{}, ErrInvalidCredentials
	} else if err != nil {
		return User{}, err
	}
	matched, outdated, err := s.compare(ctx, u.PasswordHash, password)
	switch {
	case err != nil:
		return User{}, err
	case !matched:
		return User{ID: u.ID}, ErrInvalidCredentials
	case s.opts.ConcealAccounts && !u.Verified:
		// Before rehash, because an unknown address is not rehashed.
		return u, ErrEmailNotVerified
	case outdated:
		u = s.rehash(ctx, u, password)
	}
	return u, nil
}

// rehash replaces the stored hash by one of the configured cost, after the password was found
// right. It changes nothing when the hash queue is full, or the user was changed meanwhile,
// perhaps to another password.
func (s *Service) rehash(ctx context.Context, u User, password string) User {
	hash, err := s.hash(ctx, password)
	if err != nil {
		return u
	}
	upgraded := u
	upgraded.PasswordHash = hash
	if err := s.users.Update(ctx, upgraded); err != nil {
		return u
	}
	upgraded.Version++
	s.keepDevices(context.WithoutCancel(ctx), u, upgraded, func(string) bool { return true })
	return upgraded
}
