// Package memstore keeps users, tokens and credentials in the memory of the process, for
// tests, demonstrations and WebAssembly. It passes the conformance suite like
// any driver, so what works on it works on a database.
//
//	store := memstore.New()
//	svc, err := kit.New(store.Stores(), keys, nil)
//
// The data is lost when the process ends, and with [Store.Close]. Processes share
// nothing: two servers that each have a memstore know different users.
//
// The store is a few maps under one lock. A call takes the same time whatever the
// number of users, with these exceptions: [Tokens.ByUser] looks at every token of the
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

// Store holds users, tokens and credentials. It is safe for concurrent use.
type Store struct{ data *data }

// data is what the stores share.
type data struct {
	mu      sync.RWMutex // protects all that follows
	closed  bool
	users   map[string]*kit.User // by ID
	byEmail map[string]*kit.User // by kit.EmailKey
	// The keys of both maps, for the lists.
	ids, emails order
	// Two tables of one form.
	tokens, credentials Tokens
}

// New returns an empty store.
func New() *Store {
	d := &data{users: make(map[string]*kit.User), byEmail: make(map[string]*kit.User)}
	d.tokens, d.credentials = newTokens(d), newTokens(d)
	return &Store{d}
}

// Stores returns the three stores. Every call returns the same data.
func (s *Store) Stores() kit.Stores {
	return kit.Stores{Users: s.Users(), Tokens: s.Tokens(), Credentials: s.Credentials()}
}

// Users returns the store of users. Every call returns the same data.
func (s *Store) Users() *Users { return &Users{s.data} }

// Tokens returns the store of tokens. Every call returns the same data.
func (s *Store) Tokens() *Tokens { return &s.data.tokens }

// Credentials returns the store of credentials. Every call returns the same data.
func (s *Store) Credentials() *Tokens { return &s.data.credentials }

// Close drops the data. From then on every method of the stores returns an error
// that wraps [kit.ErrUnavailable]. Close returns nil, also when it is called again.
func (s *Store) Close() error {
	d := s.data
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.users, d.byEmail, d.ids, d.emails = nil, nil, order{}, order{}
	for _, t := range []*Tokens{&d.tokens, &d.credentials} {
		t.records, t.byUser = nil, nil
	}
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
