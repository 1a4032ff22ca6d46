package memstore

import (
	"context"
	"strings"

	"myauth.internal/kit"
)

var (
	_ kit.UserStore  = (*Users)(nil)
	_ kit.UserLister = (*Users)(nil)
	_ kit.Pinger     = (*Users)(nil)
)

// Users is a [kit.UserStore] in memory. It is safe for concurrent use.
type Users struct{ *data }

// Create adds u, or returns [kit.ErrUserExists].
func (s *Users) Create(ctx context.Context, u kit.User) error {
	u = copyUser(u)
	key := kit.EmailKey(u.Email)
	if err := s.lock(ctx, &s.mu); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.users[u.ID] != nil || s.byEmail[key] != nil {
		return kit.ErrUserExists
	}
	s.users[u.ID], s.byEmail[key] = &u, &u
	s.ids.add(u.ID)
	s.emails.add(key)
	return nil
}

// ByID returns the user with that ID, or [kit.ErrNotFound].
func (s *Users) ByID(ctx context.Context, id string) (kit.User, error) {
	if err := s.lock(ctx, s.mu.RLocker()); err != nil {
		return kit.User{}, err
	}
	defer s.mu.RUnlock()
	if u := s.users[id]; u != nil {
		return u.Clone(), nil
	}
	return kit.User{}, kit.ErrNotFound
}

// ByEmail returns the user with that address, whatever the case of its ASCII
// letters, or [kit.ErrNotFound].
func (s *Users) ByEmail(ctx context.Context, email string) (kit.User, error) {
	key := kit.EmailKey(email)
	if err := s.lock(ctx, s.mu.RLocker()); err != nil {
		return kit.User{}, err
	}
	defer s.mu.RUnlock()
	if u := s.byEmail[key]; u != nil {
		return u.Clone(), nil
	}
	return kit.User{}, kit.ErrNotFound
}

// Update replaces the user while the stored version is u.Version. It returns
// [kit.ErrNotFound], [kit.ErrConflict] or [kit.ErrUserExists] as
// [kit.UserStore] says.
func (s *Users) Update(ctx context.Context, u kit.User) error {
	u = copyUser(u)
	key := kit.EmailKey(u.Email)
	if err := s.lock(ctx, &s.mu); err != nil {
		return err
	}
	defer s.mu.Unlock()
	stored := s.users[u.ID]
	if stored == nil {
		return kit.ErrNotFound
	}
	if stored.Version != u.Version {
		return kit.ErrConflict
	}
	if owner := s.byEmail[key]; owner != nil && owner != stored {
		return kit.ErrUserExists
	}
	if old := kit.EmailKey(stored.Email); old != key {
		delete(s.byEmail, old)
		s.emails.remove(old)
		s.byEmail[key] = stored
		s.emails.add(key)
	}
	u.Version++
	*stored = u
	return nil
}

// Delete removes the user with that ID, or returns [kit.ErrNotFound].
func (s *Users) Delete(ctx context.Context, id string) error {
	if err := s.lock(ctx, &s.mu); err != nil {
		return err
	}
	defer s.mu.Unlock()
	stored := s.users[id]
	if stored == nil {
		return kit.ErrNotFound
	}
	key := kit.EmailKey(stored.Email)
	delete(s.byEmail, key)
	delete(s.users, id)
	s.ids.remove(id)
	s.emails.remove(key)
	return nil
}

// List returns the users whose ID is greater than after, sorted by ID, at most limit of
// them and at most 1000.
func (s *Users) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	return s.list(ctx, func() (*order, map[string]*kit.User) { return &s.ids, s.users }, "", after, limit)
}

// ListByEmail returns the users whose [kit.EmailKey] begins with that of prefix and is
// greater than that of after, sorted by it, at most limit of them and at most 1000.
func (s *Users) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	return s.list(ctx, func() (*order, map[string]*kit.User) { return &s.emails, s.byEmail }, kit.EmailKey(prefix), kit.EmailKey(after), limit)
}

// list returns a page of an index, which it takes under the lock: Close replaces it.
func (s *Users) list(ctx context.Context, index func() (*order, map[string]*kit.User), prefix, after string, limit int) ([]kit.User, error) {
	if err := s.lock(ctx, s.mu.RLocker()); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	keys, users := index()
	found := []kit.User{}
	for key := range keys.from(max(prefix, after)) {
		if len(found) >= min(limit, maxLimit) || !strings.HasPrefix(key, prefix) {
			break
		}
		if key > after {
			found = append(found, users[key].Clone())
		}
	}
	return found, nil
}

// copyUser returns u as it is stored: without memory that the caller can change.
func copyUser(u kit.User) kit.User {
	u = u.Clone()
	u.CreatedAt, u.UpdatedAt = instant(u.CreatedAt), instant(u.UpdatedAt)
	return u
}
