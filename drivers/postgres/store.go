package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/sqlstore"
)

// Options adjusts a [Store]; nil or the zero value means the defaults.
type Options struct {
	// Schema is where the tables are; it is made where it is missing. "" means the
	// first schema of the search_path, as the connection began with it, that exists.
	// Beside an application's tables a schema keeps names and rights apart.
	Schema string
	// Prefix begins the names of the tables and indexes, for an application that keeps
	// its tables and MyAuth's in one schema: up to 32 lower-case letters, digits and
	// underscores. "" means none.
	Prefix string
	// MaxConns bounds the pool that [Open] makes; 0 means 16. All instances of an
	// application together must stay below the server's max_connections.
	MaxConns int
	// Dial connects [Open] and [NewConnector] to the server, in place of a [net.Dialer]:
	// through an SSH tunnel, for example. TLS, if any, goes over what it returns. A
	// connection that does not support deadlines is closed where it would need one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Users implements [kit.UserStore], [kit.UserLister] and [kit.Pinger].
type Users = sqlstore.Users

// Tokens implements [kit.TokenStore], [kit.OwnedTokenStore] and [kit.Pinger], for tokens and for
// credentials.
type Tokens = sqlstore.Tokens

var (
	_ kit.UserStore  = (*Users)(nil)
	_ kit.UserLister = (*Users)(nil)
	_ kit.TokenStore = (*Tokens)(nil)
)

// Store keeps users, tokens and credentials in one PostgreSQL database. It is safe for concurrent
// use.
type Store struct {
	sql     *sqlstore.Store
	dialect sqlstore.Dialect
	db      *sql.DB
	own     *sql.DB // nil when the pool is the caller's
}

// idleTime is how long [Open] keeps a connection that is not used.
const idleTime = 5 * time.Minute

// Open connects to a database with a pool of its own, and brings its schema up to
// date: see [New]. The data source is a URL, postgres://user:password@host/database,
// or whatever else [NewConnector] takes, which says how the server is checked. No error
// shows the data source.
//
// Errors wrap [kit.ErrUnavailable] when the server cannot be reached or refuses,
// and say what can be done about it.
func Open(ctx context.Context, dataSource string, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	connector, err := NewConnector(dataSource, &o)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	db.SetConnMaxIdleTime(idleTime)
	s, err := New(ctx, db, &o)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.own = db
	return s, nil
}

// ErrNewerSchema is what [Open] and [New] return, wrapped, for a database that a newer
// version of the driver has migrated.
var ErrNewerSchema = sqlstore.ErrNewerSchema

// startTimeout bounds the look at a pool and its database.
const startTimeout = 30 * time.Second

// New returns a store in the database of the caller's pool, whose schema it brings up to
// date: of many processes that start at once one does, and the others wait, half a minute
// at most. Close leaves the pool open. The store finds its tables in the schema and under
// the names that opts say, whatever becomes of a connection's search_path; tables of those
// names that are not MyAuth's are refused and left as they are.
//
// Make the pool with [NewConnector]. Other drivers suit whose errors have a method
// SQLState() string, and which send a statement either without a name and together
// with its arguments, or under a name that no other client can have: pgx's stdlib, and
// lib/pq with binary_parameters=yes. New refuses those that do not, by name. Over
// plain lib/pq a call ends with its context only once the server answers, so it waits
// for as long as the network hangs.
func New(ctx context.Context, db *sql.DB, opts *Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("postgres: New needs a *sql.DB")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	d := dialect
	d.Prefix = o.Prefix
	limited, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	own, ours := db.Driver().(ownDriver)
	if !ours {
		err = checkPool(limited, db)
	}
	if err == nil {
		d.Schema, err = prepareSchema(limited, db, o.Schema)
	}
	if err != nil {
		return nil, d.Explain(ctx, "New", err)
	}
	schema, err := migrate(ctx, db, d, migrations)
	if err != nil {
		return nil, err
	}
	if !ours {
		return &Store{sql: sqlstore.New(foreignPool{db}, d, schema), dialect: d, db: db}, nil
	}
	for _, text := range sqlstore.Statements(d) {
		own.shared.texts.Store(text, true)
	}
	return &Store{sql: sqlstore.New(ownPool{db}, d, schema), dialect: d, db: db}, nil
}

func (o *Options) withDefaults() (opts Options, err error) {
	if o != nil {
		opts = *o
	}
	switch err := sqlstore.CheckPrefix(opts.Prefix); {
	case err != nil:
		return opts, fmt.Errorf("postgres: %w", err)
	case opts.MaxConns < 0:
		return opts, errors.New("postgres: Options.MaxConns is negative: leave it 0 for the default")
	case len(opts.Schema) > 63 || strings.Contains(opts.Schema, "\x00"):
		return opts, errors.New("postgres: Options.Schema is not the name of a schema: it has up to 63 bytes")
	}
	if opts.MaxConns == 0 {
		opts.MaxConns = 16
	}
	if opts.Dial == nil {
		opts.Dial = new(net.Dialer).DialContext
	}
	return opts, nil
}

// Stores returns the three stores, for [kit.New].
func (s *Store) Stores() kit.Stores { return s.sql.Stores() }

// Users returns the store's users.
func (s *Store) Users() *Users { return s.sql.Users() }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return s.sql.Tokens() }

// Credentials returns the store's credentials.
func (s *Store) Credentials() *Tokens { return s.sql.Credentials() }

// InTx returns the stores as a transaction of the caller sees them: what they write is committed
// or rolled back with what the caller writes in tx, such as an account with its row in a table of
// the application. Tx must be of the pool that New got. The stores are of no use after it.
//
// They keep the whole contract within tx, one call after another. A call that returns
// [kit.ErrUserExists], [kit.ErrConflict], [kit.ErrNotFound] or [kit.ErrNewerRecord], or whose context
// was done before it, leaves tx as it was. After any other error PostgreSQL takes nothing but a
// rollback. Nothing is run again in tx: for a deadlock, or a conflict that PostgreSQL finds at the
// levels REPEATABLE READ and SERIALIZABLE, the error wraps [kit.ErrUnavailable], and the caller runs
// the transaction anew.
//
// A row that tx has changed, and an address that it has taken, stay locked until it ends: others who
// want the same wait. So let it be short.
func (s *Store) InTx(tx *sql.Tx) kit.Stores { return s.sql.In(transaction{tx}, nil).Stores() }

// Transaction runs do in one transaction of the pool, with the stores as it sees them, and commits
// it if do returns nil: so many writes share one flush to the disk. The rules of [Store.InTx] apply.
//
// Errors: that of do, as it is; one that wraps [kit.ErrUnavailable] if the transaction may, or may not,
// have been committed.
func (s *Store) Transaction(ctx context.Context, do func(kit.Stores) error) error {
	return s.dialect.Transaction(ctx, s.db, nil, s.InTx, do)
}

// Close ends the store, and closes the pool if it is the store's own; in the caller's, each
// connection keeps the store's prepared statements until it is closed. Later calls return
// an error that wraps [kit.ErrUnavailable]; a second Close does nothing.
func (s *Store) Close() error {
	s.sql.Close()
	if s.own != nil {
		_ = s.own.Close() // all that can fail is to say goodbye on a connection that broke before
	}
	return nil
}
