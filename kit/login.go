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
	u, err := s.CheckPassword(ctx, email, password)
	if err != nil {
		return TokenPair{}, err
	}
	return s.grant(ctx, Login{User: u, AMR: passwordAMR})
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
func (s *Service) CheckPassword(ctx context.Context, email, password string) (_ User, err error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	// An invalid address becomes empty: no account has it, and it may have any length.
	email, _ = checkEmail("email", email)
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionLogin, EmailKey: EmailKey(email)}, password)
	if err != nil {
		return User{}, err
	}
	defer c.end(ctx, &err)
	u, err := s.checkCredentials(ctx, email, password)
	switch {
	case errors.Is(err, ErrEmailNotVerified):
		// Concealed: a stranger who registered the address knows this password. The mail tells
		// the owner.
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: u.ID, Err: err})
		s.queueMailFor(ctx, MailVerification, u.Email) // if the account is active
		return User{}, ErrInvalidCredentials
	case errors.Is(err, ErrInvalidCredentials):
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: u.ID, Err: err})
		return User{}, err
	case err != nil:
		return User{}, err
	}
	return u, nil
}

// checkCredentials returns the user with that address and password. With
// [ErrInvalidCredentials] it returns a User with the ID of the account, if there is one, for
// the audit stream only. If accounts are concealed, it returns [ErrEmailNotVerified] with the
// user, which must not reach the caller of Login.
func (s *Service) checkCredentials(ctx context.Context, email, password string) (User, error) {
	var u User
	err := ErrNotFound
	if email != "" {
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
	return upgraded
}
