package memstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
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
	byUser map[string][]*token // in ascending order of their IDs
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
	return &Tokens{byID: make(map[string]*token), byUser: make(map[string][]*token), expiry: newExpiryIndex()}
}

// Create adds t, or returns [kit.ErrConflict].
func (s *Tokens) Create(ctx context.Context, t kit.Token) error {
	record := newToken(t)
	if err := s.write(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.byID[record.ID] != nil {
		return kit.ErrConflict
	}
	s.byID[record.ID] = record
	others := s.byUser[record.UserID]
	at, _ := search(others, record.ID)
	s.byUser[record.UserID] = slices.Insert(others, at, record)
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
	t = ownToken(t)
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
	if t.SessionID == record.SessionID {
		t.SessionID = record.SessionID // the one beside the others
	}
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
	mine := s.byUser[userID]
	at, found := search(mine, after)
	if found {
		at++
	}
	mine = mine[at:]
	mine = mine[:max(0, min(len(mine), limit, maxLimit))]
	tokens := make([]kit.Token, 0, len(mine))
	for _, record := range mine {
		tokens = append(tokens, record.Clone())
	}
	return tokens, nil
}

// DeleteExpired removes tokens whose ExpiresAt is not after before, at most
// limit of them and at most 1000, and returns how many. Which of them a limit spares
// follows from the calls before it alone: the same calls in the same order, of one
// goroutine, leave the same tokens, in every version of this package. So a log of
// calls can be read back.
func (s *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.write(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	taken := s.expiry.take(before, min(limit, maxLimit))
	s.forget(taken...)
	return len(taken), nil
}

// Ping returns nil until the store is closed.
func (s *Tokens) Ping(ctx context.Context) error { return s.ping(ctx) }

func (s *Tokens) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.byID, s.byUser, s.expiry = true, nil, nil, expiryIndex{}
}

// forget removes records that are no longer in the expiry index.
func (s *Tokens) forget(records ...*token) {
	var together []*token
	for _, record := range records {
		delete(s.byID, record.ID)
		mine := s.byUser[record.UserID]
		if len(mine) > longList && len(records) > 1 {
			together = append(together, record)
			continue
		}
		s.keep(record.UserID, without(mine, record))
	}
	slices.SortFunc(together, func(a, b *token) int {
		return cmp.Or(strings.Compare(a.UserID, b.UserID), strings.Compare(a.ID, b.ID))
	})
	for len(together) > 0 {
		userID := together[0].UserID
		n := slices.IndexFunc(together, func(t *token) bool { return t.UserID != userID })
		if n < 0 {
			n = len(together)
		}
		s.keep(userID, without(s.byUser[userID], together[:n]...))
		together = together[n:]
	}
}

// longList is the length of a list from which many tokens leave it at once: each
// alone would move all that are behind it.
const longList = 256

// keep sets what is left of a user's tokens.
func (s *Tokens) keep(userID string, rest []*token) {
	if len(rest) == 0 {
		delete(s.byUser, userID)
	} else {
		s.byUser[userID] = fitted(rest)
	}
}

// without takes tokens out of a list that has them; both are sorted by ID.
func without(list []*token, gone ...*token) []*token {
	at, _ := search(list, gone[0].ID)
	kept, rest := list[:at], list[at+1:]
	for _, t := range gone[1:] {
		at, _ := search(rest, t.ID)
		kept = append(kept, rest[:at]...)
		rest = rest[at+1:]
	}
	kept = append(kept, rest...)
	clear(list[len(kept):]) // which would hold on to what was removed
	return kept
}

// fitted returns a list in a place of its size, if it has shrunk to a small part of
// the one that it is in.
func fitted[T any](list []T) []T {
	const small = 16
	if cap(list) <= small || len(list) > cap(list)/4 {
		return list
	}
	return append(make([]T, 0, 2*len(list)), list...)
}

// search returns the place of an ID in a list, and whether it is there.
func search(tokens []*token, id string) (int, bool) {
	return slices.BinarySearchFunc(tokens, id, func(t *token, id string) int { return strings.Compare(t.ID, id) })
}

// newToken returns a record that no caller can reach, with its texts side by side
// as those of a [user] are.
func newToken(t kit.Token) *token {
	texts := []string{t.ID, t.UserID, t.SessionID}
	sideBySide(texts)
	record := &token{Token: ownToken(t)}
	record.ID, record.UserID, record.SessionID = texts[0], texts[1], texts[2]
	return record
}

// ownToken returns a copy that shares nothing which a caller can change.
func ownToken(t kit.Token) kit.Token {
	t = t.Clone()
	t.CreatedAt, t.RotatedAt = instant(t.CreatedAt), instant(t.RotatedAt)
	t.ExpiresAt, t.RevokedAt = instant(t.ExpiresAt), instant(t.RevokedAt)
	return t
}
