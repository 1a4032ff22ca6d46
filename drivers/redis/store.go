package redis

import (
	"context"
	"errors"
	"fmt"
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
	// "myauth". Stores with different prefixes share a server and know nothing of
	// each other. 1 to 64 letters, digits and the signs . _ : -
	Prefix string
	// Dialer makes the connections of [Open], for networks that need it: a proxy,
	// a tunnel. With rediss:// they are then secured by TLS. nil: as go-redis does.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Store keeps users and tokens in one Redis server or cluster. It is safe for
// concurrent use. A call returns when its context's deadline comes; one that is
// cancelled in the two seconds before may last until the deadline.
type Store struct {
	client redis.UniversalClient
	own    bool // the client is closed with the store, and heeds deadlines
	keys   keys

	workers workers

	mu     sync.RWMutex // held while a call begins, and while closed is set
	closed bool
	calls  sync.WaitGroup // those under way, also when their caller has left
}

// New returns a store that uses the caller's client, a *redis.Client or a
// *redis.ClusterClient. It sends nothing. Close leaves the client open.
//
// Any settings will do, MaxRetries included, save those that break what a store
// promises, which New refuses: reading from replicas (ReadOnly, RouteByLatency,
// RouteRandomly), a cache in the client, and no time-out for reading or writing.
// [Store.Check] asks the server whether it suits. Short calls are a fifth slower than
// over the client of [Open], which is known to have nothing that outlasts a deadline.
func New(client redis.UniversalClient, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkClient(client); err != nil {
		return nil, err
	}
	return &Store{client: client, keys: newKeys(o.Prefix)}, nil
}

// Users returns the store's users.
func (s *Store) Users() *Users { return &Users{s} }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s} }

// Close ends the store, and closes the client if it is the store's own. Later calls
// return an error that wraps [kit.ErrUnavailable]; a second Close does nothing.
// Close waits for calls that are under way; those whose context ended take at most
// the client's read time-out. A store keeps up to 32 goroutines for its next calls,
// which end with it.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	var err error
	if s.own {
		err = s.client.Close()
	}
	s.calls.Wait()
	s.workers.close()
	if err != nil {
		return fmt.Errorf("redis: close: %w", err)
	}
	return nil
}

// checkClient refuses a client with which a store could not keep its word.
func checkClient(client redis.UniversalClient) error {
	switch c := client.(type) {
	case *redis.Client:
		if c == nil {
			return errNoClient
		}
		o := c.Options()
		if o.ClientSideCache != nil || o.ClientSideCacheConfig != nil {
			return errors.New("redis: the client caches what it reads, so ended sessions would live on: give MyAuth one without ClientSideCache")
		}
		if o.ReadTimeout <= 0 || o.WriteTimeout <= 0 {
			return errNoTimeout
		}
		return nil
	case *redis.ClusterClient:
		if c == nil {
			return errNoClient
		}
		o := c.Options()
		if o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return errors.New("redis: the client reads from replicas, which lag behind: give MyAuth one without ReadOnly, RouteByLatency and RouteRandomly")
		}
		if o.ReadTimeout <= 0 || o.WriteTimeout <= 0 {
			return errNoTimeout
		}
		return nil
	case nil:
		return errNoClient
	default:
		return fmt.Errorf("redis: New takes a *redis.Client or a *redis.ClusterClient, and not a %T: a Ring loses sight of keys when a server fails, and the others are unknown", client)
	}
}

var (
	errNoClient  = errors.New("redis: New needs a client")
	errNoTimeout = errors.New("redis: the client waits for ever: give MyAuth one whose ReadTimeout and WriteTimeout are not negative")
)

var validPrefix = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func (o *Options) withDefaults() (Options, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.Prefix == "" {
		opts.Prefix = "myauth"
	}
	if !validPrefix.MatchString(opts.Prefix) {
		return opts, errors.New("redis: Options.Prefix may have 1 to 64 letters, digits and the signs . _ : - only")
	}
	return opts, nil
}

var errClosed = fmt.Errorf("redis: %w: the store was closed", kit.ErrUnavailable)

// begin counts a call that is about to be made, unless the store is closed.
func (s *Store) begin() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	s.calls.Add(1)
	return nil
}

// call runs f, which talks to the server, and returns when it is done or soon after
// ctx is. go-redis looks at a context's deadline, if it was told to, and at nothing
// else while it waits for an answer; so f goes on without its caller then, until
// the client's time-outs end it. To have f on another goroutine costs a short call a
// fifth of its time, and where the deadline comes soon anyway, as in most calls of a
// [kit.Service] by default, the call may as well last until then. Only the store's own
// client is known to heed deadlines: another one may have hooks, or a provider of
// credentials, and with its routing policies that of a cluster waits five seconds for
// what the server knows about commands, whatever the deadline is.
func call[T any](ctx context.Context, s *Store, op string, f func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("redis: %s: %w", op, err)
	}
	if err := s.begin(); err != nil {
		return none, err
	}
	if ctx.Done() == nil || s.own && endsSoon(ctx) {
		defer s.calls.Done()
		value, err := f(ctx)
		return value, explain(ctx, op, err)
	}
	type answer struct {
		value    T
		err      error
		whole    bool // f has returned
		panicked any
	}
	done := make(chan answer, 1)
	s.workers.run(func() {
		defer s.calls.Done()
		var got answer
		defer func() {
			got.panicked = recover() // of a hook of the client, say: it is the caller's to see
			done <- got
		}()
		got.value, got.err = f(ctx)
		got.whole = true
	})
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
	switch {
	case got.panicked != nil:
		panic(got.panicked)
	case !got.whole: // runtime.Goexit
		return none, fmt.Errorf("redis: %s: %w: the call ended without an answer", op, kit.ErrUnavailable)
	}
	return got.value, explain(ctx, op, got.err)
}

// soon is how long a call may outlast a context that is cancelled.
const soon = 2 * time.Second

// endsSoon reports whether the deadline of ctx is near.
func endsSoon(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= soon
}
