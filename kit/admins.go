package kit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// AdminRole is the role of administrators. Whoever has it and is active may do everything, so one
// such user must remain.
const AdminRole = "admin"

// ErrLastAdmin refuses a change after which no active user would have [AdminRole].
var ErrLastAdmin = NewProblem(409, "last_admin", "Last administrator", "This is the only active administrator. Give somebody else the role first.")

// One record lists the administrators, because not every store can look for them. An entry may be old, and
// an administrator whose entry failed is not in it until the next change of that user. So the list only
// says whom to ask: a change that takes an administrator away first writes another one, unchanged but
// for the version, and then its own user at the version that it has read. Of two that count on
// each other at most one succeeds, as with the ways in of an account: see wayin.go.

const adminsType TokenType = "admins"

// maxAdmins bounds the record. Those beyond it are administrators all the same.
const maxAdmins = 100

// administrators is the content of the record.
type administrators struct {
	Form int      `json:"v"`
	IDs  []string `json:"ids"`
}

func isAdmin(u User) bool { return u.Active && u.HasRole(AdminRole) }

// admins returns the record, which may have to be created, and its content.
func (s *Service) admins(ctx context.Context) (Token, administrators, error) {
	fresh := derivedRecord(adminsType, "")
	t, err := s.credentials.ByID(ctx, fresh.ID)
	if errors.Is(err, ErrNotFound) {
		fresh.CreatedAt, fresh.ExpiresAt = s.now(), never
		fresh.Data = administrators{}.encode()
		if err = s.createUnique(ctx, fresh); err == nil || errors.Is(err, ErrConflict) {
			t, err = s.credentials.ByID(ctx, fresh.ID)
		}
	}
	if err != nil {
		return Token{}, administrators{}, err
	}
	a, err := decodeAdmins(t.Data)
	return t, a, err
}

func (a administrators) encode() []byte {
	a.Form = 1
	data, err := json.Marshal(a)
	if err != nil {
		panic(err) // never: a number and strings
	}
	return data
}

func decodeAdmins(data []byte) (a administrators, err error) {
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("kit: the record of administrators is not readable: %w", err)
	}
	if a.Form > 1 {
		return a, ErrNewerRecord
	}
	return a, nil
}

// changeAdmins changes the content of the record.
func (s *Service) changeAdmins(ctx context.Context, change func(ids []string) ([]string, error)) error {
	t, _, err := s.admins(ctx)
	if err != nil {
		return err
	}
	_, err = s.changeRecord(ctx, s.credentials, t, func(t *Token) error {
		a, err := decodeAdmins(t.Data)
		if err != nil {
			return err
		}
		ids, err := change(slices.Clone(a.IDs))
		if err != nil {
			return err
		}
		if slices.Equal(ids, a.IDs) {
			return ErrUnchanged
		}
		t.Data = administrators{IDs: ids}.encode()
		return nil
	})
	return err
}

// joinAdmins enters an administrator. A failure is no error of the change that it belongs to: the
// next change of the user enters it.
func (s *Service) joinAdmins(ctx context.Context, id string) {
	err := s.changeAdmins(ctx, func(ids []string) ([]string, error) {
		if slices.Contains(ids, id) || len(ids) >= maxAdmins {
			return ids, nil
		}
		return append(ids, id), nil
	})
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: an administrator does not count as one that remains, until the user is changed again", "user_id", id, "err", err)
	}
}

// leaveAdmins takes an administrator out who is none any more. A failure does no harm.
func (s *Service) leaveAdmins(ctx context.Context, id string) {
	err := s.changeAdmins(ctx, func(ids []string) ([]string, error) {
		return slices.DeleteFunc(ids, func(other string) bool { return other == id }), nil
	})
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: a user who is no administrator any more remains in the list of them", "user_id", id, "err", err)
	}
}

// forgetAdmin takes out a user that was entered and then not created.
func (s *Service) forgetAdmin(ctx context.Context, id string) {
	if _, err := s.users.ByID(ctx, id); errors.Is(err, ErrNotFound) {
		s.leaveAdmins(ctx, id)
	}
}

// keepAdmin returns nil if there is another active administrator than one user, and will be after each
// change that has begun.
func (s *Service) keepAdmin(ctx context.Context, but string) error {
	_, a, err := s.admins(ctx)
	if err != nil {
		return err
	}
	for _, id := range a.IDs {
		if id == but {
			continue
		}
		if found, err := s.touchAdmin(ctx, id); err != nil || found {
			return err
		}
	}
	return ErrLastAdmin
}

// touchAdmin writes an administrator, unchanged but for the version. found: the user is one.
func (s *Service) touchAdmin(ctx context.Context, id string) (found bool, err error) {
	for range casRounds {
		u, err := s.users.ByID(ctx, id)
		if errors.Is(err, ErrNotFound) || err == nil && !isAdmin(u) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		if err := s.users.Update(ctx, u); !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
			return err == nil, err
		}
	}
	return false, errContention
}

// Administrators returns the active users with [AdminRole], in no order; of more than a hundred, some.
func (s *Service) Administrators(ctx context.Context) ([]User, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	_, a, err := s.admins(ctx)
	if err != nil {
		return nil, err
	}
	var found []User
	for _, id := range a.IDs {
		if u, err := s.users.ByID(ctx, id); err == nil && isAdmin(u) {
			found = append(found, u)
		} else if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	return found, nil
}
