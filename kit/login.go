package kit

import (
	"context"
	"errors"
)

// Login checks a password and starts a session. An unknown address, a wrong
// password and an unreadable stored hash give the same answer after the same work,
// one comparison at the configured cost; what the account's state forbids is said
// only after the right password. With Options.ConcealAccounts an account whose address
// is not verified gets that same answer, and its owner the verification mail again.
//
// Errors: [ErrInvalidCredentials], [ErrAccountDisabled], [ErrEmailNotVerified], a
// [LimitError], what Hooks.BeforeLogin returns.
func (s *Service) Login(ctx context.Context, email, password string) (TokenPair, error) {
	if err := s.enter(ctx); err != nil {
		return TokenPair{}, err
	}
	// Empty for what is no address: no account has it, and it could be of any length.
	email, _ = checkEmail("email", email)
	if err := s.limit(ctx, ActionLogin, email); err != nil {
		return TokenPair{}, err
	}
	u, err := s.checkCredentials(ctx, email, password)
	switch {
	case errors.Is(err, ErrEmailNotVerified):
		// Concealed: somebody who just registered the address knows this password. The
		// mail tells the owner.
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: u.ID, Err: err})
		s.queueMailFor(ctx, MailVerification, u.Email) // if the account is active
		return TokenPair{}, ErrInvalidCredentials
	case errors.Is(err, ErrInvalidCredentials):
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: u.ID, Err: err})
		return TokenPair{}, err
	case err != nil:
		return TokenPair{}, err
	}
	return s.grant(ctx, u)
}

// checkCredentials returns the user with that address and password. With
// [ErrInvalidCredentials] it returns the ID of the account, if there is one, for the audit
// stream only. It returns [ErrEmailNotVerified], with the user, only if accounts are
// concealed, and that must not reach the caller of Login.
func (s *Service) checkCredentials(ctx context.Context, email, password string) (User, error) {
	var u User
	err := ErrNotFound
	if email != "" {
		u, err = s.users.ByEmail(ctx, email)
	}
	if errors.Is(err, ErrNotFound) {
		// No hash matches nothing, after the work of a comparison.
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
		// Before rehash, which takes time that an unknown address does not take.
		return u, ErrEmailNotVerified
	case outdated:
		u = s.rehash(ctx, u, password)
	}
	return u, nil
}

// rehash replaces the hash of a password that was just proved right by one of the
// configured cost. It leaves things as they are when the hash queue is full, or the user
// was changed meanwhile, perhaps to another password.
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
