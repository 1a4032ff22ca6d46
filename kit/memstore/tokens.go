package memstore

import (
	"context"
	"time"

	"myauth.internal/kit"
)

var (
	_ kit.TokenStore = (*Tokens)(nil)
	_ kit.Pinger     = (*Tokens)(nil)
)

// maxLimit is the most records that ByUser returns and DeleteExpired removes.
const maxLimit = 1000

// Tokens is a [kit.TokenStore] in memory. It is safe for concurrent use.
type Tokens struct {
	gate
	byID   map[string]*token
	byUser map[string]idList
	expiry expiryIndex
}

// token is one record. Its ID, UserID and Type never change; bucket and at say
// where it waits in the expiry index.
type token struct {
	kit.Token
	bucket *bucket
	at     int
}

func newTokens() *Tokens {
	return &Tokens{byID: make(map[string]*token), byUser: make(map[string]idList), expiry: newExpiryIndex()}
}

// Create adds t, or returns [kit.ErrConflict].
func (s *Tokens) Create(ctx context.Context, t kit.Token) error {
	record := &token{Token: storedToken(t)}
	if err := s.write(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.byID[t.ID] != nil {
		return kit.ErrConflict
	}
	s.byID[t.ID] = record
	s.byUser[t.UserID] = s.byUser[t.UserID].insert(record)
	s.expiry.add(record)
	return nil
}

// ByID returns the token with that ID, expired and revoked ones too, or
// [kit.ErrNotFound].
func (s *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	if err := s.read(ctx); err != nil {
		return kit.Token{}, err
	}
	defer s.mu.RUnlock()
	record := s.byID[id]
	if record == nil {
		return kit.Token{}, kit.ErrNotFound
	}
	return record.Clone(), nil
}

// Update replaces the token while the stored version is t.Version, or returns
// [kit.ErrConflict] or [kit.ErrNotFound]. The stored UserID and Type stay,
// whatever t says.
func (s *Tokens) Update(ctx context.Context, t kit.Token) error {
	t = storedToken(t)
	if err := s.write(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	record := s.byID[t.ID]
	if record == nil {
		return kit.ErrNotFound
	}
	if record.Version != t.Version {
		return kit.ErrConflict
	}
	t.ID, t.UserID, t.Type = record.ID, record.UserID, record.Type
	t.Version++
	moved := !t.ExpiresAt.Equal(record.ExpiresAt)
	if moved {
		s.expiry.remove(record)
	}
	record.Token = t
	if moved {
		s.expiry.add(record)
	}
	return nil
}

// Delete removes the token with that ID and reports whether this call did.
func (s *Tokens) Delete(ctx context.Context, id string) (bool, error) {
	if err := s.write(ctx); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	record := s.byID[id]
	if record == nil {
		return false, nil
	}
	s.expiry.remove(record)
	s.forget(record)
	return true, nil
}

// ByUser returns the user's tokens whose ID is greater than after, sorted by ID,
// at most limit of them and at most 1000.
func (s *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	found := []kit.Token{}
	for record := range s.byUser[userID].after(after) {
		if len(found) >= min(limit, maxLimit) {
			break
		}
		found = append(found, record.Clone())
	}
	return found, nil
}

// DeleteExpired removes tokens whose ExpiresAt is not after before, at most
// limit of them and at most 1000, and returns how many.
func (s *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.write(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	removed := 0
	for removed < min(limit, maxLimit) {
		record := s.expiry.take(before)
		if record == nil {
			break
		}
		s.forget(record)
		removed++
	}
	return removed, nil
}

// Ping returns nil until the store is closed.
func (s *Tokens) Ping(ctx context.Context) error { return s.ping(ctx) }

func (s *Tokens) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.byID, s.byUser, s.expiry = true, nil, nil, expiryIndex{}
}

// forget removes a record that is no longer in the expiry index.
func (s *Tokens) forget(record *token) {
	delete(s.byID, record.ID)
	if rest := s.byUser[record.UserID].remove(record.ID); len(rest) == 0 {
		delete(s.byUser, record.UserID)
	} else {
		s.byUser[record.UserID] = rest
	}
}

// storedToken returns a copy that no caller can reach.
func storedToken(t kit.Token) kit.Token {
	t = t.Clone()
	t.CreatedAt, t.RotatedAt = instant(t.CreatedAt), instant(t.RotatedAt)
	t.ExpiresAt, t.RevokedAt = instant(t.ExpiresAt), instant(t.RevokedAt)
	return t
}
