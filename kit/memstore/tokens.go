package memstore

import (
	"container/heap"
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

// maxLimit is the most tokens that ByUser returns and DeleteExpired removes.
const maxLimit = 1000

// Tokens is a [kit.TokenStore] in memory. It is safe for concurrent use.
type Tokens struct{ *data }

// token is a stored token.
type token struct {
	kit.Token
	at int // its index in the expiryHeap
}

// Create adds t, or returns [kit.ErrConflict].
func (s *Tokens) Create(ctx context.Context, t kit.Token) error {
	stored := &token{Token: copyToken(t)}
	if err := s.lock(ctx, &s.mu); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.tokens[t.ID] != nil {
		return kit.ErrConflict
	}
	s.tokens[t.ID] = stored
	if s.byUser[t.UserID] == nil {
		s.byUser[t.UserID] = make(map[*token]struct{})
	}
	s.byUser[t.UserID][stored] = struct{}{}
	heap.Push(&s.expiry, stored)
	return nil
}

// ByID returns the token with that ID, expired and revoked ones too, or
// [kit.ErrNotFound].
func (s *Tokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	if err := s.lock(ctx, s.mu.RLocker()); err != nil {
		return kit.Token{}, err
	}
	defer s.mu.RUnlock()
	if stored := s.tokens[id]; stored != nil {
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
	stored := s.tokens[t.ID]
	if stored == nil {
		return kit.ErrNotFound
	}
	if stored.Version != t.Version {
		return kit.ErrConflict
	}
	t.UserID, t.Type = stored.UserID, stored.Type
	t.Version++
	stored.Token = t
	s.expiry[stored.at].time = t.ExpiresAt
	heap.Fix(&s.expiry, stored.at)
	return nil
}

// Delete removes the token with that ID and reports whether this call did.
func (s *Tokens) Delete(ctx context.Context, id string) (bool, error) {
	if err := s.lock(ctx, &s.mu); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	stored := s.tokens[id]
	if stored == nil {
		return false, nil
	}
	s.remove(stored)
	return true, nil
}

// ByUser returns the user's tokens whose ID is greater than after, sorted by ID,
// at most limit of them and at most 1000.
func (s *Tokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	if err := s.lock(ctx, s.mu.RLocker()); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	var found []*token
	for stored := range s.byUser[userID] {
		if stored.ID > after {
			found = append(found, stored)
		}
	}
	slices.SortFunc(found, func(a, b *token) int { return strings.Compare(a.ID, b.ID) })
	found = found[:max(0, min(len(found), limit, maxLimit))]
	tokens := make([]kit.Token, len(found))
	for i, stored := range found {
		tokens[i] = stored.Clone()
	}
	return tokens, nil
}

// DeleteExpired removes tokens whose ExpiresAt is not after before, at most limit of
// them and at most 1000, and returns how many. It removes them in order of their
// ExpiresAt, and those that expire at the same time in order of their IDs: stores with the
// same tokens are left with the same tokens.
func (s *Tokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.lock(ctx, &s.mu); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	n := 0
	for n < min(limit, maxLimit) && len(s.expiry) > 0 && !s.expiry[0].time.After(before) {
		s.remove(s.expiry[0].token)
		n++
	}
	return n, nil
}

// remove removes a stored token.
func (d *data) remove(stored *token) {
	delete(d.tokens, stored.ID)
	delete(d.byUser[stored.UserID], stored)
	if len(d.byUser[stored.UserID]) == 0 {
		delete(d.byUser, stored.UserID)
	}
	heap.Remove(&d.expiry, stored.at)
}

// copyToken returns t as it is stored: without memory that the caller can change.
func copyToken(t kit.Token) kit.Token {
	t = t.Clone()
	t.CreatedAt, t.RotatedAt = instant(t.CreatedAt), instant(t.RotatedAt)
	t.ExpiresAt, t.RevokedAt = instant(t.ExpiresAt), instant(t.RevokedAt)
	return t
}

// expiryHeap is a [heap.Interface] whose first token is the one that DeleteExpired removes
// first. The times are beside the pointers because it takes longer to compare two tokens
// that lie elsewhere in memory.
type expiryHeap []expiry

type expiry struct {
	time  time.Time // token.ExpiresAt
	token *token
}

func (h expiryHeap) Len() int { return len(h) }

func (h expiryHeap) Less(i, j int) bool {
	if c := h[i].time.Compare(h[j].time); c != 0 {
		return c < 0
	}
	return h[i].token.ID < h[j].token.ID
}

func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].token.at, h[j].token.at = i, j
}

// Push implements [heap.Interface].
func (h *expiryHeap) Push(x any) {
	t := x.(*token)
	t.at = len(*h)
	*h = append(*h, expiry{t.ExpiresAt, t})
}

// Pop implements [heap.Interface]. It frees the removed token, and the room of the slice
// when most of it is unused.
func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last].token
	(*h)[last] = expiry{}
	*h = (*h)[:last]
	if cap(*h) > 1024 && last < cap(*h)/4 {
		*h = slices.Clone(*h)
	}
	return t
}
