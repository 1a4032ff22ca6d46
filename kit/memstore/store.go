package memstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"myauth.internal/kit"
)

// errClosed is what every method answers after Close.
var errClosed = fmt.Errorf("memstore: the store was closed: %w", kit.ErrUnavailable)

// Store holds the two stores of one data set. Every call of [Store.Users] and of
// [Store.Tokens] hands out the same data.
type Store struct {
	users  *Users
	tokens *Tokens
}

// New returns an empty store.
func New() *Store {
	return &Store{users: newUsers(), tokens: newTokens()}
}

// Users returns the store of users.
func (s *Store) Users() *Users { return s.users }

// Tokens returns the store of tokens.
func (s *Store) Tokens() *Tokens { return s.tokens }

// Close drops the data. From then on every method of both stores returns an
// error that wraps [kit.ErrUnavailable]. It always returns nil, also the second
// time.
func (s *Store) Close() error {
	s.users.close()
	s.tokens.close()
	return nil
}

// gate is the lock of one store together with what every method asks first.
type gate struct {
	mu     sync.RWMutex
	closed bool
}

// read takes the lock for reading. Unless it returns an error, the caller
// unlocks it with mu.RUnlock.
func (g *gate) read(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return errClosed
	}
	return nil
}

// write takes the lock for writing. Unless it returns an error, the caller
// unlocks it with mu.Unlock.
func (g *gate) write(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return errClosed
	}
	return nil
}

// ping says whether the store still answers.
func (g *gate) ping(ctx context.Context) error {
	if err := g.read(ctx); err != nil {
		return err
	}
	g.mu.RUnlock()
	return nil
}

// instant returns t in UTC without its monotonic clock reading: what a database
// would give back.
func instant(t time.Time) time.Time { return t.Round(0).UTC() }
