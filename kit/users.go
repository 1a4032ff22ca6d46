package kit

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// UserByID returns a user. Errors: [ErrUserNotFound].
func (s *Service) UserByID(ctx context.Context, id string) (User, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	u, err := s.users.ByID(ctx, id)
	return u, userError(err)
}

// UserByEmail returns the user with that address, without regard to ASCII case and to
// white space around it.
// Errors: [ErrUserNotFound].
func (s *Service) UserByEmail(ctx context.Context, email string) (User, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	email, bad := checkEmail("email", email)
	if len(bad) > 0 {
		return User{}, ErrUserNotFound // no account has it
	}
	u, err := s.users.ByEmail(ctx, email)
	return u, userError(err)
}

func userError(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrUserNotFound
	}
	return err
}

// changeUser is the one way to change a stored user: read, change, compare and
// swap, and read again after losing to somebody else. change may refuse, and may
// be called more than once, also after its own write when somebody else wrote right
// behind it: it returns errUnchanged when it finds its work done. When the answer of
// a write is lost, the stored record tells whether it happened.
func (s *Service) changeUser(ctx context.Context, id string, change func(*User) error) (User, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	u, err := s.users.ByID(ctx, id)
	// A change that was begun is finished even if the caller goes, so that what
	// belongs to it, an event or a mail, is not left out.
	ctx = context.WithoutCancel(ctx)
	for range casRounds {
		if err != nil {
			return User{}, userError(err)
		}
		want := u.Clone()
		if err := change(&want); errors.Is(err, errUnchanged) {
			return u, nil
		} else if err != nil {
			return User{}, err
		}
		// Never the same instant twice, so that a record tells whose write it is.
		if want.UpdatedAt = s.now(); !want.UpdatedAt.After(u.UpdatedAt) {
			want.UpdatedAt = u.UpdatedAt.Add(time.Microsecond)
		}
		writeErr := s.users.Update(ctx, want)
		want.Version++
		if writeErr == nil {
			return want, nil
		}
		if !errors.Is(writeErr, ErrConflict) && !errors.Is(writeErr, ErrUnavailable) {
			return User{}, userError(writeErr)
		}
		read := u.Version
		if u, err = s.users.ByID(ctx, id); err != nil {
			if errors.Is(err, ErrNotFound) {
				return User{}, ErrUserNotFound
			}
			return User{}, err
		}
		if sameUser(u, want) {
			return want, nil
		}
		if errors.Is(writeErr, ErrUnavailable) && u.Version == read {
			return User{}, writeErr
		}
	}
	return User{}, errContention
}

// sameUser reports whether the stored record is the one that was to be written.
func sameUser(stored, want User) bool {
	return stored.Version == want.Version && stored.SessionEpoch == want.SessionEpoch &&
		stored.PasswordHash == want.PasswordHash && stored.UpdatedAt.Equal(want.UpdatedAt) &&
		stored.Email == want.Email && stored.Username == want.Username &&
		stored.Verified == want.Verified && stored.Active == want.Active &&
		slices.Equal(stored.Roles, want.Roles) && slices.Equal(stored.Settings, want.Settings)
}

// SetUsername changes the display name. Errors: a [ValidationError],
// [ErrUserNotFound].
func (s *Service) SetUsername(ctx context.Context, id, username string) (User, error) {
	username, bad := checkUsername("username", username)
	if len(bad) > 0 {
		return User{}, &ValidationError{Fields: bad}
	}
	return s.changeUser(ctx, id, func(u *User) error {
		u.Username = username
		return nil
	})
}

// SetSettings replaces the user's settings: a JSON object of at most 16 KiB, nested
// at most 16 deep; nil means {}. Errors: a [ValidationError], [ErrUserNotFound].
func (s *Service) SetSettings(ctx context.Context, id string, settings json.RawMessage) (User, error) {
	settings, bad := checkSettings("user_settings", settings)
	if len(bad) > 0 {
		return User{}, &ValidationError{Fields: bad}
	}
	return s.changeUser(ctx, id, func(u *User) error {
		u.Settings = settings
		return nil
	})
}

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
	changed := false
	var before User
	u, err := s.changeUser(ctx, id, func(u *User) error {
		if u.Email == email {
			return errUnchanged
		}
		changed = true
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

// DeleteUser removes the account, and then its tokens; access tokens already
// handed out are refused from then on wherever the user is checked. When removing
// the tokens fails they are dead all the same, and expire by themselves.
//
// Errors: [ErrUserNotFound].
func (s *Service) DeleteUser(ctx context.Context, id string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	err := s.users.Delete(ctx, id)
	if errors.Is(err, ErrUnavailable) {
		if _, readErr := s.users.ByID(ctx, id); errors.Is(readErr, ErrNotFound) {
			err = nil
		}
	}
	if err != nil {
		return userError(err)
	}
	s.emit(ctx, Event{Kind: EventUserDeleted, UserID: id})
	if err := s.deleteTokens(ctx, id); err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: the tokens of a deleted user remain until they expire", "user_id", id, "err", err)
	}
	return nil
}

func (s *Service) deleteTokens(ctx context.Context, userID string) error {
	for after := ""; ; {
		tokens, err := s.tokens.ByUser(ctx, userID, after, 1000)
		if err != nil || len(tokens) == 0 {
			return err
		}
		for _, t := range tokens {
			if _, err := s.tokens.Delete(ctx, t.ID); err != nil {
				return err
			}
			after = t.ID
		}
	}
}
