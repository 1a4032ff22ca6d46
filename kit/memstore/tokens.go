package memstore

import (
	"context"
	"slices"
	"time"

	"myauth.internal/kit"
)

var (
	_ kit.TokenStore = (*Tokens)(nil)
	_ kit.Pinger     = (*Tokens)(nil)
)

// maxLimit is the most records that a call returns or removes.
const maxLimit = 1000

// Tokens is a [kit.TokenStore] in memory. It is safe for concurrent use.
type Tokens struct {
	*data
	records map[string]*kit.Token            // by ID
	byUser  map[string]map[string]*kit.Token // by UserID and ID
}

func newTokens(d *data) Tokens {
	return Tokens{d, make(map[string]*kit.Token), make(map[string]map[string]*kit.Token)}
}

// Create adds t, or returns [kit.ErrConflict].
func (s *Tokens) Create(ctx context.Context, t kit.Token) error {
	t = copyToken(t)
	if err := s.lock(ctx, &s.mu); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.records[t.ID] != nil {
		return kit.ErrConflict
	}
	s.records[t.ID] = &t
	if s.byUser[t.UserID] == nil {
		s.byUser[t.UserID] = make(map[string]*kit.Token)
	}
	s.byUser[t.UserID][t.ID] = &t
	return nil
}

// ByID returns the token with that ID, expired and revoked ones too, or
// [kit.ErrNotFound].
func (s *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	if err := s.lock(ctx, s.mu.RLocker()); err != nil {
		return kit.Token{}, err
	}
	defer s.mu.RUnlock()
	if stored := s.records[id]; stored != nil {
		return stored.Clone(), nil
	}
	return kit.Token{}, kit.ErrNotFound
}

// Update replaces the token while the stored version is t.Version, or returns
// [kit.ErrConflict] or [kit.ErrNotFound]. The stored UserID and Type stay,
// whatever t says.
func (s *Tokens) Update(ctx context.Context, t kit.Token) error {
	t = copyToken(t)
	if err := s.lock(ctx, &s.mu); err != nil {
		return err
	}
	defer s.mu.Unlock()
	stored := s.records[t.ID]
	if stored == nil {
		return kit.ErrNotFound
	}
	if stored.Version != t.Version {
		return kit.ErrConflict
	}
	t.UserID, t.Type = stored.UserID, stored.Type
	t.Version++
	*stored = t
	return nil
}

// Delete removes the token while the stored version is version, or returns
// [kit.ErrConflict] or [kit.ErrNotFound].
func (s *Tokens) Delete(ctx context.Context, id string, version int64) error {
	if err := s.lock(ctx, &s.mu); err != nil {
		return err
	}
	defer s.mu.Unlock()
	stored := s.records[id]
	switch {
	case stored == nil:
		return kit.ErrNotFound
	case stored.Version != version:
		return kit.ErrConflict
	}
	s.remove(stored)
	return nil
}

// ByUser returns the user's tokens whose ID is greater than after, sorted by ID,
// at most limit of them and at most 1000.
func (s *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	if err := s.lock(ctx, s.mu.RLocker()); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	var ids []string
	for id := range s.byUser[userID] {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = ids[:max(0, min(len(ids), limit, maxLimit))]
	found := make([]kit.Token, len(ids))
	for i, id := range ids {
		found[i] = s.records[id].Clone()
	}
	return found, nil
}

// DeleteExpired removes tokens whose ExpiresAt is not after before, at most limit of
// them and at most 1000, and returns how many. If there are more, which ones it removes is
// random.
func (s *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.lock(ctx, &s.mu); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	removed := 0
	for _, stored := range s.records {
		if removed >= min(limit, maxLimit) {
			break
		}
		if !stored.ExpiresAt.After(before) {
			s.remove(stored)
			removed++
		}
	}
	return removed, nil
}

// remove removes a stored token.
func (s *Tokens) remove(stored *kit.Token) {
	delete(s.records, stored.ID)
	delete(s.byUser[stored.UserID], stored.ID)
	if len(s.byUser[stored.UserID]) == 0 {
		delete(s.byUser, stored.UserID)
	}
}

// copyToken returns t as it is stored: without memory that the caller can change.
func copyToken(t kit.Token) kit.Token {
	t = t.Clone()
	t.CreatedAt, t.RotatedAt = instant(t.CreatedAt), instant(t.RotatedAt)
	t.ExpiresAt, t.RevokedAt = instant(t.ExpiresAt), instant(t.RevokedAt)
	return t
}
