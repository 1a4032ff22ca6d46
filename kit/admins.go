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

// ErrLastAdmin: after this change no active user would have [AdminRole].
var ErrLastAdmin = NewProblem(409, "last_admin", "Last administrator", "This is the only active administrator. Give somebody else the role first.")

// The administrators stand in one record, which each change that takes one away swaps first: so two
// changes at once cannot take the last two. A change that gives the role writes it afterwards.
// So what a crash leaves is an administrator who is not in the record, and who enters it at the next
// change of the user.

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

// leaveAdmins takes an administrator out, if another one is left. It looks at each of the
// others, because an entry may be old.
func (s *Service) leaveAdmins(ctx context.Context, id string) error {
	return s.changeAdmins(ctx, func(ids []string) ([]string, error) {
		var kept []string
		for _, other := range ids {
			u, err := s.users.ByID(ctx, other)
			switch {
			case other == id || errors.Is(err, ErrNotFound):
			case err != nil:
				return nil, err
			case isAdmin(u):
				kept = append(kept, other)
			}
		}
		if len(kept) == 0 {
			return nil, ErrLastAdmin
		}
		return kept, nil
	})
}
