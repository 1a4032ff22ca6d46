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
	// AllowEviction lets [Open] accept a server that throws keys without an
	// expiry away when its memory is full, and with them accounts and sessions.
	AllowEviction bool
	// Dialer makes the connections of [Open], for networks that need it: a proxy,
	// a tunnel. Over rediss:// it has to bring TLS itself. nil: as go-redis does.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Store keeps users and tokens in one Redis server or cluster. It is safe for
// concurrent use.
type Store struct {
	client redis.UniversalClient
	own    bool // the client is closed with the store
	prompt bool // the client ends each wait soon after a context is done
	keys   keys

	mu     sync.RWMutex // held while a call begins, and while closed is set
	closed bool
	calls  sync.WaitGroup // those under way, also when their caller has left

	crew crew
}

// New returns a store that uses the caller's client, a *redis.Client or a
// *redis.ClusterClient. It sends nothing. Close leaves the client open.
//
// Calls are a little faster with ContextTimeoutEnabled and time-outs of two seconds
// at most, as Open has them. Any settings will do, MaxRetries included, save those
// that break what a store promises, which New refuses: reading from replicas
// (ReadOnly, RouteByLatency, RouteRandomly), a cache in the client, and no time-out for reading
// or writing. [Store.Check] asks the server whether it suits.
func New(client redis.UniversalClient, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	prompt, err := checkClient(client)
	if err != nil {
		return nil, err
	}
	return &Store{client: client, prompt: prompt, keys: newKeys(o.Prefix), crew: newCrew()}, nil
}

// Users returns the store's users.
func (s *Store) Users() *Users { return &Users{s} }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s} }

// Close ends the store, and closes the client if it is the store's own. Later calls
// return an error that wraps [kit.ErrUnavailable]; a second Close does nothing.
// Close waits for calls that are under way; those whose context ended take at most
// the client's read time-out.
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
	s.crew.dismiss()
	if err != nil {
		return fmt.Errorf("redis: close: %w", err)
	}
	return nil
}

// checkClient refuses a client with which a store could not keep its word, and
// reports whether one that will do is prompt.
func checkClient(client redis.UniversalClient) (prompt bool, err error) {
	var contexts bool
	var read, write time.Duration
	switch c := client.(type) {
	case *redis.Client:
		if c == nil {
			return false, errNoClient
		}
		o := c.Options()
		if o.ClientSideCache != nil || o.ClientSideCacheConfig != nil {
			return false, errors.New("redis: the client caches what it reads, so ended sessions would live on: give MyAuth one without ClientSideCache")
		}
		contexts, read, write = o.ContextTimeoutEnabled, o.ReadTimeout, o.WriteTimeout
	case *redis.ClusterClient:
		if c == nil {
			return false, errNoClient
		}
		o := c.Options()
		if o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return false, errors.New("redis: the client reads from replicas, which lag behind: give MyAuth one without ReadOnly, RouteByLatency and RouteRandomly")
		}
		contexts, read, write = o.ContextTimeoutEnabled, o.ReadTimeout, o.WriteTimeout
	case nil:
		return false, errNoClient
	default:
		return false, fmt.Errorf("redis: New takes a *redis.Client or a *redis.ClusterClient, and not a %T: a Ring loses sight of keys when a server fails, and the others are unknown", client)
	}
	if read <= 0 || write <= 0 {
		return false, errors.New("redis: the client waits for ever: give MyAuth one whose ReadTimeout and WriteTimeout are not negative")
	}
	return contexts && max(read, write) <= soon, nil
}

var errNoClient = errors.New("redis: New needs a client")

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
