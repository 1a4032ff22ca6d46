package memstore

import (
	"context"
	"strings"

	"myauth.internal/kit"
)

var (
	_ kit.UserStore = (*Users)(nil)
	_ kit.Pinger    = (*Users)(nil)
)

// Users is a [kit.UserStore] in memory. It is safe for concurrent use.
type Users struct {
	gate
	byID  map[string]*user
	byKey map[string]*user // by kit.EmailKey of the address
}

// user is one record. It is never changed once it is in the store, only replaced.
// Its texts lie in one piece of memory and its roles, unless they are many, within
// the record: to find somebody among a million is to wait for memory, and this way
// it is waited for seldom.
type user struct {
	kit.User // without Settings
	settings string
	roles    [2]string
}

func newUsers() *Users {
	return &Users{byID: make(map[string]*user), byKey: make(map[string]*user)}
}

// Create adds u, or returns [kit.ErrUserExists].
func (s *Users) Create(ctx context.Context, u kit.User) error {
	record := newUser(u)
	key := kit.EmailKey(record.Email)
	if err := s.write(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.byID[record.ID] != nil || s.byKey[key] != nil {
		return kit.ErrUserExists
	}
	s.byID[record.ID], s.byKey[key] = record, record
	return nil
}

// ByID returns the user with that ID, or [kit.ErrNotFound].
func (s *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	if err := s.read(ctx); err != nil {
		return kit.User{}, err
	}
	defer s.mu.RUnlock()
	return s.byID[id].copy()
}

// ByEmail returns the user with that address, whatever the case of its ASCII
// letters, or [kit.ErrNotFound].
func (s *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	key := kit.EmailKey(email)
	if err := s.read(ctx); err != nil {
		return kit.User{}, err
	}
	defer s.mu.RUnlock()
	return s.byKey[key].copy()
}

// Update replaces the user while the stored version is u.Version. It returns
// [kit.ErrNotFound], [kit.ErrConflict] or [kit.ErrUserExists] as
// [kit.UserStore] says.
func (s *Users) Update(ctx context.Context, u kit.User) error {
	record := newUser(u)
	record.Version++
	key := kit.EmailKey(record.Email)
	if err := s.write(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	old := s.byID[record.ID]
	if old == nil {
		return kit.ErrNotFound
	}
	if old.Version != u.Version {
		return kit.ErrConflict
	}
	if owner := s.byKey[key]; owner != nil && owner != old {
		return kit.ErrUserExists
	}
	if oldKey := kit.EmailKey(old.Email); oldKey != key {
		delete(s.byKey, oldKey)
	}
	s.byID[record.ID], s.byKey[key] = record, record
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

// newUser returns a record that no caller can reach.
func newUser(u kit.User) *user {
	texts := append([]string{u.ID, u.Email, u.Username, string(u.PasswordHash), string(u.Settings)}, u.Roles...)
	sideBySide(texts)
	record := &user{User: u, settings: texts[4]}
	record.ID, record.Email, record.Username, record.PasswordHash = texts[0], texts[1], texts[2], kit.PasswordHash(texts[3])
	record.Roles, record.Settings = append(record.roles[:0], texts[5:]...), nil
	record.CreatedAt, record.UpdatedAt = instant(u.CreatedAt), instant(u.UpdatedAt)
	return record
}

// copy returns what a caller may keep, or [kit.ErrNotFound] without a record.
func (r *user) copy() (kit.User, error) {
	if r == nil {
		return kit.User{}, kit.ErrNotFound
	}
	u := r.User.Clone()
	if r.settings != "" {
		u.Settings = []byte(r.settings)
	}
	return u, nil
}

// sideBySide replaces texts by copies that follow each other in memory.
func sideBySide(texts []string) {
	rest := strings.Join(texts, "")
	for i, text := range texts {
		texts[i], rest = rest[:len(text)], rest[len(text):]
	}
}
