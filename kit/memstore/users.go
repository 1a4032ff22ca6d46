package memstore

import (
	"context"

	"myauth.internal/kit"
)

var (
	_ kit.UserStore = (*Users)(nil)
	_ kit.Pinger    = (*Users)(nil)
)

// Users is a [kit.UserStore] in memory. It is safe for concurrent use.
type Users struct {
	gate
	byID  map[string]*kit.User
	byKey map[string]*kit.User // by kit.EmailKey of the address
}

func newUsers() *Users {
	return &Users{byID: make(map[string]*kit.User), byKey: make(map[string]*kit.User)}
}

// Create adds u, or returns [kit.ErrUserExists].
func (s *Users) Create(ctx context.Context, u kit.User) error {
	record, key := storedUser(u), kit.EmailKey(u.Email)
	if err := s.write(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.byID[u.ID] != nil || s.byKey[key] != nil {
		return kit.ErrUserExists
	}
	s.byID[u.ID], s.byKey[key] = record, record
	return nil
}

// ByID returns the user with that ID, or [kit.ErrNotFound].
func (s *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	if err := s.read(ctx); err != nil {
		return kit.User{}, err
	}
	defer s.mu.RUnlock()
	return userOrNotFound(s.byID[id])
}

// ByEmail returns the user with that address, whatever the case of its ASCII
// letters, or [kit.ErrNotFound].
func (s *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	key := kit.EmailKey(email)
	if err := s.read(ctx); err != nil {
		return kit.User{}, err
	}
	defer s.mu.RUnlock()
	return userOrNotFound(s.byKey[key])
}

// Update replaces the user while the stored version is u.Version. It returns
// [kit.ErrNotFound], [kit.ErrConflict] or [kit.ErrUserExists] as
// [kit.UserStore] says.
func (s *Users) Update(ctx context.Context, u kit.User) error {
	record, key := storedUser(u), kit.EmailKey(u.Email)
	record.Version++
	if err := s.write(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	old := s.byID[u.ID]
	if old == nil {
		return kit.ErrNotFound
	}
	if old.Version != u.Version {
		return kit.ErrConflict
	}
	if owner := s.byKey[key]; owner != nil && owner != old {
		return kit.ErrUserExists
	}
	delete(s.byKey, kit.EmailKey(old.Email))
	s.byID[u.ID], s.byKey[key] = record, record
	return nil
}

// Delete removes the user with that ID, or returns [kit.ErrNotFound].
func (s *Users) Delete(ctx context.Context, id string) error {
	if err := s.write(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	old := s.byID[id]
	if old == nil {
		return kit.ErrNotFound
	}
	delete(s.byKey, kit.EmailKey(old.Email))
	delete(s.byID, id)
	return nil
}

// Ping returns nil until the store is closed.
func (s *Users) Ping(ctx context.Context) error { return s.ping(ctx) }

func (s *Users) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.byID, s.byKey = true, nil, nil
}

// storedUser returns a record that no caller can reach. A record is never
// changed once it is in the store, only replaced.
func storedUser(u kit.User) *kit.User {
	u = u.Clone()
	u.CreatedAt, u.UpdatedAt = instant(u.CreatedAt), instant(u.UpdatedAt)
	return &u
}

func userOrNotFound(record *kit.User) (kit.User, error) {
	if record == nil {
		return kit.User{}, kit.ErrNotFound
	}
	return record.Clone(), nil
}
