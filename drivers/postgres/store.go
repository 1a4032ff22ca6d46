package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/sqlstore"
)

// Options adjusts the pool that [Open] makes; nil or the zero value means the
// defaults.
type Options struct {
	// MaxConns bounds the pool; 0 means 16. All instances of an application
	// together must stay below the server's max_connections.
	MaxConns int
	// Dial connects to the server, in place of a [net.Dialer]: through a tunnel of
	// SSH, say. TLS, if any, goes over what it returns. A connection that knows no
	// deadlines is closed where it would need one.
	Dial DialFunc
}

// Users implements [kit.UserStore] and [kit.Pinger].
type Users = sqlstore.Users

// Tokens implements [kit.TokenStore] and [kit.Pinger].
type Tokens = sqlstore.Tokens

var (
	_ kit.UserStore  = (*Users)(nil)
	_ kit.TokenStore = (*Tokens)(nil)
)

// Store keeps users and tokens in one PostgreSQL database. It is safe for concurrent
// use.
type Store struct {
	sql *sqlstore.Store
	own *sql.DB // nil when the pool is the caller's
}

// idleTime is how long [Open] keeps a connection that nobody uses.
const idleTime = 5 * time.Minute

// Open connects to a database with a pool of its own, and brings its schema up to
// date: see [New]. The data source is a URL, postgres://user:password@host/database,
// or whatever else [NewConnector] takes. No error shows it.
//
// Errors wrap [kit.ErrUnavailable] when the server cannot be reached or refuses,
// and say what can be done about it.
func Open(ctx context.Context, dataSource string, opts *Options) (*Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.MaxConns < 0 {
		return nil, errors.New("postgres: Options.MaxConns is negative: leave it 0 for the default")
	}
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
	connector, err := NewConnector(dataSource, o.Dial)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	db.SetConnMaxIdleTime(idleTime)
	s, err := New(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.own = db
	return s, nil
}

// ErrNewerSchema is what [Open] and [New] return, wrapped, for a database that a newer
// version of the driver has migrated.
var ErrNewerSchema = sqlstore.ErrNewerSchema

// New returns a store in the database of the caller's own pool, whose schema it
// brings up to date: of many processes that start at once one does, and the others
// wait, half a minute at most. Close leaves the pool open. The pool's driver must be
// lib/pq, whose errors it knows. Make the pool with [NewConnector]: over one of plain
// lib/pq a call ends with its context only once the server answers, so it waits for
// as long as the network hangs.
//
// The tables users, tokens and myauth_migrations are in the first schema of the
// search_path that exists now: to keep them apart from those of the application, put
// search_path=auth into the data source, and create that schema. The store keeps to
// that schema, also when somebody changes the search_path of a connection later; open
// it before that.
func New(ctx context.Context, db *sql.DB) (*Store, error) {
	if db == nil {
		return nil, errors.New("postgres: New needs a *sql.DB")
	}
	if err := sqlstore.Migrate(ctx, db, dialect, migrations()); err != nil {
		return nil, err
	}
	s, err := sqlstore.New(ctx, db, dialect)
	if err != nil {
		return nil, err
	}
	return &Store{sql: s}, nil
}

// Users returns the store's users.
func (s *Store) Users() *Users { return s.sql.Users() }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return s.sql.Tokens() }

// Close ends the store, and closes the pool if it is the store's own; of the
// caller's it gives the prepared statements back, once the calls under way have
// ended. Later calls return an error that wraps [kit.ErrUnavailable]; a second Close
// does nothing.
func (s *Store) Close() error {
	// All that can fail is to say goodbye on a connection that broke before.
	if s.own != nil {
		_ = s.own.Close() // and the statements with their connections
	} else {
		_ = s.sql.Close()
	}
	return nil
}

//go:embed migrations/*.sql
var embedded embed.FS

// migrations holds the numbered files.
func migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the name is a valid path
	}
	return sub
}
