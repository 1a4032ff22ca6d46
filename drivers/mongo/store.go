package mongo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"myauth.internal/kit"
)

// Options adjusts a [Store]; nil or the zero value means the defaults.
type Options struct {
	// Prefix begins the names of the collections, users, tokens and credentials, so that
	// they stand beside those of the application: up to 64 letters, digits and the signs . _ -
	// "" means none.
	Prefix string
	// Dial connects [Open] to the servers, in place of a [net.Dialer]: through a tunnel,
	// for example. TLS, if any, goes over what it returns.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Store keeps users, tokens and credentials in one MongoDB database. It is safe for
// concurrent use.
type Store struct {
	db                         *driver.Database
	users, tokens, credentials *driver.Collection
	own                        *driver.Client // nil when the client is the caller's
	closed                     atomic.Bool
}

const (
	selectionTimeout = 5 * time.Second  // for a primary; a failover takes longer, and callers should come again
	startTimeout     = 30 * time.Second // for indexes, where the caller's context has no deadline
	closeTimeout     = time.Second      // for connections in use when a store closes
)

var errStart = fmt.Errorf("mongo: %w: no answer within %v, or the indexes are not built yet: open with a longer deadline", kit.ErrUnavailable, startTimeout)

var validPrefix = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)

// New returns a store in a database of the caller's client, which Close leaves connected,
// and makes missing indexes. It refuses a collection of that name that is not MyAuth's, by
// its documents or indexes, and leaves it as it is.
//
// Whatever the client's settings are, writes of the store wait for a majority and
// its journal, reads ask the primary for what a majority has, and a session in
// a context, with its transaction, is not used. (A client with directConnection asks
// the one server that it knows, which has to be the primary.) Give the client a server
// selection timeout of a few seconds: the default lets calls wait for 30 when there is no
// primary.
func New(ctx context.Context, db *driver.Database, opts *Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("mongo: New needs a *mongo.Database")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	if len(o.Prefix) > 64 || !validPrefix.MatchString(o.Prefix) || strings.HasPrefix(o.Prefix, "system.") {
		return nil, errors.New("mongo: Options.Prefix may have up to 64 letters, digits and the signs . _ - only, and does not begin with system")
	}
	journaled := true
	collection := options.Collection().
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journaled}).
		SetReadConcern(readconcern.Majority()). // or kit would take for done what a failover takes back
		SetReadPreference(readpref.Primary()).
		SetBSONOptions(&options.BSONOptions{}).
		SetRegistry(bson.NewRegistry())
	s := &Store{
		db:          db,
		users:       db.Collection(o.Prefix+"users", collection),
		tokens:      db.Collection(o.Prefix+"tokens", collection),
		credentials: db.Collection(o.Prefix+"credentials", collection),
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, startTimeout, errStart)
		defer cancel()
	}
	if err := s.prepare(ctx); err != nil {
		if context.Cause(ctx) == errStart { //nolint:errorlint // nothing wraps it
			err = fmt.Errorf("%w: %w", errStart, err)
		}
		return nil, err
	}
	return s, nil
}

// Stores returns the three stores.
func (s *Store) Stores() kit.Stores {
	return kit.Stores{Users: s.Users(), Tokens: s.Tokens(), Credentials: s.Credentials()}
}

// Users returns the store's users.
func (s *Store) Users() *Users { return &Users{s, s.users} }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s, s.tokens} }

// Credentials returns the store's credentials.
func (s *Store) Credentials() *Tokens { return &Tokens{s, s.credentials} }

func (s *Store) ping(ctx context.Context) error {
	return s.do(ctx, "ping", nil, func(ctx context.Context) error { return s.db.Client().Ping(ctx, readpref.Primary()) })
}

// Close ends the store, and disconnects the client if it is the store's own. Later
// calls return an error that wraps [kit.ErrUnavailable]; a second Close does
// nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) || s.own == nil {
		return nil
	}
	return disconnect(s.own)
}

func disconnect(c *driver.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.Disconnect(ctx) // all that can fail is to wait for calls to end, and they are cut off
	return nil
}
