// Package memstore keeps users and tokens in the memory of the process, for
// tests, demonstrations and WebAssembly. It passes the conformance suite like
// any driver, so what works on it works on a database.
//
//	store := memstore.New()
//	svc, err := kit.New(store.Users(), store.Tokens(), keys, nil)
//
// The data is lost when the process ends, and with [Store.Close]. Processes share
// nothing: two servers that each have a memstore know different users.
//
// The store is a few maps under one lock. A call takes the same time whatever the
// number of users, with two exceptions: [Tokens.ByUser] looks at every token of the
// user, and [Tokens.DeleteExpired] at every token until it has found enough.
package memstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"myauth.internal/kit"
)

// errClosed is the error of every method after Close.
var errClosed = fmt.Errorf("memstore: the store was closed: %w", kit.ErrUnavailable)

// Store holds users and tokens. It is safe for concurrent use.
type Store struct{ data *data }

// data is what Users and Tokens share.
type data struct {
	mu      sync.RWMutex // protects all that follows
	closed  bool
	users   map[string]*kit.User             // by ID
	byEmail map[string]*kit.User             // by kit.EmailKey
	tokens  map[string]*kit.Token            // by ID
	byUser  map[string]map[string]*kit.Token // by UserID and ID
}

// New returns an empty store.
func New() *Store {
	return &Store{&data{
		users:   make(map[string]*kit.User),
		byEmail: make(map[string]*kit.User),
		tokens:  make(map[string]*kit.Token),
		byUser:  make(map[string]map[string]*kit.Token),
	}}
}

// Users returns the store of users. Every call returns the same data.
func (s *Store) Users() *Users { return &Users{s.data} }

// Tokens returns the store of tokens. Every call returns the same data.
func (s *Store) Tokens() *Tokens { return &Tokens{s.data} }

// Close drops the data. From then on every method of both stores returns an error
// that wraps [kit.ErrUnavailable]. Close returns nil, also when it is called again.
func (s *Store) Close() error {
	d := s.data
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.users, d.byEmail, d.tokens, d.byUser = nil, nil, nil, nil
	return nil
}

// Ping returns nil until the store is closed.
func (d *data) Ping(ctx context.Context) error {
	if err := d.lock(ctx, d.mu.RLocker()); err != nil {
		return err
	}
	d.mu.RUnlock()
	return nil
}

// lock takes l, which is d.mu or its side for readers. The caller must unlock it unless
// lock returns an error.
func (d *data) lock(ctx context.Context, l sync.Locker) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.Lock()
	if d.closed {
		l.Unlock()
		return errClosed
	}
	return nil
}

// instant returns t as a database would: in UTC, without a monotonic clock reading.
func instant(t time.Time) time.Time { return t.Round(0).UTC() }
