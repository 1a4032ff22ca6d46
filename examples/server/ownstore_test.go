package main

import (
	"context"
	"sync"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/kit"
)

// mapUsers is a kit.UserStore of one's own, as small as one can be: two maps under a
// lock. A store on a database has the same five methods, with a table in the place
// of one map and a unique index in the place of the other.
type mapUsers struct {
	mu      sync.Mutex
	byID    map[string]kit.User
	byEmail map[string]string // kit.EmailKey of the address: ID
}

func newMapUsers() *mapUsers {
	return &mapUsers{byID: map[string]kit.User{}, byEmail: map[string]string{}}
}

var _ kit.UserStore = (*mapUsers)(nil)

func (s *mapUsers) Create(ctx context.Context, u kit.User) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, idTaken := s.byID[u.ID]
	_, emailTaken := s.byEmail[kit.EmailKey(u.Email)]
	if idTaken || emailTaken {
		return kit.ErrUserExists
	}
	s.put(u)
	return nil
}

func (s *mapUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return kit.User{}, ctx.Err()
	}
	u, ok := s.byID[id]
	if !ok {
		return kit.User{}, kit.ErrNotFound
	}
	return u.Clone(), nil
}

func (s *mapUsers) ByEmail(ctx context.Context, email string) (kit.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return kit.User{}, ctx.Err()
	}
	u, ok := s.byID[s.byEmail[kit.EmailKey(email)]]
	if !ok {
		return kit.User{}, kit.ErrNotFound
	}
	return u.Clone(), nil
}

// Update is the one place where two writers meet: the version decides who wins.
func (s *mapUsers) Update(ctx context.Context, u kit.User) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	stored, ok := s.byID[u.ID]
	if !ok {
		return kit.ErrNotFound
	}
	if stored.Version != u.Version {
		return kit.ErrConflict
	}
	if owner, taken := s.byEmail[kit.EmailKey(u.Email)]; taken && owner != u.ID {
		return kit.ErrUserExists
	}
	delete(s.byEmail, kit.EmailKey(stored.Email))
	u.Version++
	s.put(u)
	return nil
}

func (s *mapUsers) Delete(ctx context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	u, ok := s.byID[id]
	if !ok {
		return kit.ErrNotFound
	}
	delete(s.byEmail, kit.EmailKey(u.Email))
	delete(s.byID, id)
	return nil
}

// put keeps a copy of u, which nobody else can change. It runs under the lock.
func (s *mapUsers) put(u kit.User) {
	u = u.Clone()
	u.CreatedAt, u.UpdatedAt = u.CreatedAt.UTC(), u.UpdatedAt.UTC()
	s.byID[u.ID] = u
	s.byEmail[kit.EmailKey(u.Email)] = u.ID
}

// TestOwnStore proves mapUsers by the suite that every driver runs.
func TestOwnStore(t *testing.T) {
	conformance.RunUsers(t, conformance.Config{
		New: func(testing.TB) conformance.Open {
			users := newMapUsers() // empty, for one case
			return func(testing.TB) conformance.Stores { return conformance.Stores{Users: users} }
		},
		// What a map in memory cannot do. A database can, and lists nothing here.
		Without: []conformance.Ability{conformance.Closing, conformance.Durability, conformance.Pinging, conformance.Stalling, conformance.Networking},
	})
}
