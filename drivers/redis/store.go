package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

// Options adjusts a [Store]; nil or the zero value means the defaults.
type Options struct {
	// Prefix begins the name of every key, inside the hash tag; "" means
	// "myauth". Stores with different prefixes can share a server and never see
	// each other's keys. 1 to 64 letters, digits and the signs . _ : -
	Prefix string
	// Dial makes the connections of [Open], for networks that need it: a proxy,
	// a tunnel. With rediss:// they are then secured by TLS. nil: as go-redis does.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Logger receives what a store does when it opens and that takes long: it builds the order
	// by which users are listed where they are without. nil means [slog.Default].
	Logger *slog.Logger
}

func (o *Options) logger() *slog.Logger {
	if o != nil && o.Logger != nil {
		return o.Logger
	}
	return slog.Default()
}

// Store keeps users, tokens and credentials in one Redis server or cluster. It is safe for
// concurrent use. A call returns at its context's deadline, and when its context is
// cancelled, but in the last two seconds before a deadline maybe only then.
type Store struct {
	client redis.UniversalClient
	own    bool // the client is closed with the store, and heeds deadlines
	keys   keys

	mu     sync.RWMutex // of closed, and held while a call begins
	closed bool
	calls  sync.WaitGroup // under way, also when their caller has left
}

// New returns a store that uses the caller's client, a *redis.Client or a
// *redis.ClusterClient, and leaves it open. It asks the server what [Open] does.
//
// New refuses a client that reads from replicas (ReadOnly, RouteByLatency,
// RouteRandomly), has a cache, or waits without a time-out. Other settings will do,
// MaxRetries included. Short calls are up to a third slower than over the client of
// [Open], which is known to heed deadlines.
func New(ctx context.Context, client redis.UniversalClient, opts *Options) (*Store, error) {
	s, err := newStore(client, opts)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, opts.logger()); err != nil {
		return nil, err
	}
	return s, nil
}

func newStore(client redis.UniversalClient, opts *Options) (*Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "myauth"
	}
	if len(o.Prefix) > 64 || !validPrefix.MatchString(o.Prefix) {
		return nil, errors.New("redis: Options.Prefix may have 1 to 64 letters, digits and the signs . _ : - only")
	}
	if err := checkClient(client); err != nil {
		return nil, err
	}
	return &Store{client: client, keys: newKeys(o.Prefix)}, nil
}

var validPrefix = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

// Stores returns the three stores.
func (s *Store) Stores() kit.Stores {
	return kit.Stores{Users: s.Users(), Tokens: s.Tokens(), Credentials: s.Credentials()}
}

// Users returns the store's users.
func (s *Store) Users() *Users { return &Users{s} }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s, &s.keys.tokens} }

// Credentials returns the store's credentials.
func (s *Store) Credentials() *Tokens { return &Tokens{s, &s.keys.credentials} }

// Close ends the store, and closes the client if it is the store's own. Later calls
// return an error that wraps [kit.ErrUnavailable]; a second Close does nothing.
// Close waits for calls that are under way; those whose context ended take at most
// the client's read time-out.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	defer s.calls.Wait()
	if closed || !s.own {
		return nil
	}
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("redis: close: %w", err)
	}
	return nil
}

// call runs f, which talks to the server, and returns when it is done or soon after
// ctx is. While go-redis waits for an answer it looks at a context's deadline, if it was
// told to, and never at its cancellation. So f runs on a goroutine, and goes on without
// its caller until the client's time-outs end it. That costs a short call up to a third of
// its time; it is spared where the deadline comes soon, as in most calls of a [kit.Service],
// and the client is the store's own. Others may have hooks that heed no deadline.
func call[T any](ctx context.Context, s *Store, op string, f func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("redis: %s: %w", op, err)
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return none, fmt.Errorf("redis: %s: %w: the store is closed", op, kit.ErrUnavailable)
	}
	s.calls.Add(1)
	s.mu.RUnlock()
	if s.own && endsSoon(ctx) || ctx.Done() == nil { // in that order: many contexts make their channel when asked
		defer s.calls.Done()
		value, err := f(ctx)
		return value, explain(ctx, op, err)
	}
	type answer struct {
		value    T
		err      error
		panicked any
	}
	done := make(chan answer, 1)
	go func() {
		defer s.calls.Done()
		got := answer{err: errNoAnswer} // after runtime.Goexit
		defer func() {
			got.panicked = recover() // of a hook of the client, for example: the caller has to see it
			done <- got
		}()
		got.value, got.err = f(ctx)
	}()
	var got answer
	select {
	case got = <-done:
	case <-ctx.Done():
		select {
		case got = <-done: // an answer is worth more
		default:
			return none, fmt.Errorf("redis: %s: %w", op, ctx.Err())
		}
	}
	if got.panicked != nil {
		panic(got.panicked)
	}
	return got.value, explain(ctx, op, got.err)
}

var errNoAnswer = fmt.Errorf("%w: the call ended without an answer", kit.ErrUnavailable)

// do is call for what returns nothing but an error.
func do(ctx context.Context, s *Store, op string, f func(context.Context) error) error {
	_, err := call(ctx, s, op, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

// endsSoon reports whether the deadline of ctx is near enough to wait for.
func endsSoon(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= 2*time.Second
}
