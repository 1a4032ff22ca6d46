package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/ncruces/go-sqlite3"

	"myauth.internal/kit"
	"myauth.internal/kit/sqlstore"
)

// Options adjusts a [Store]; nil or the zero value means the defaults.
type Options struct {
	// Prefix begins the names of the tables and indexes, so that they stand beside
	// tables of the application called users or tokens: up to 32 lower-case letters,
	// digits and underscores. "" means none.
	Prefix string
	// MaxConns bounds the pool that [Open] makes; 0 means 8. Each connection
	// takes a few megabytes when it is used, and more of them than twice the
	// number of processors gain nothing.
	MaxConns int
	// BusyTimeout is how long a connection of [Open] waits for a writer in another process
	// before the call fails with [kit.ErrUnavailable]; 0 means 5 seconds. A write that
	// queues behind one that waits so may wait as long again. A call's context ends the
	// wait too.
	BusyTimeout time.Duration
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

// Store keeps users, tokens and credentials in one SQLite database. It is safe for concurrent
// use.
type Store struct {
	sql     *sqlstore.Store
	dialect sqlstore.Dialect
	runner  *runner
	db      *sql.DB
	own     *sql.DB // nil when the pool is the caller's
}

// ErrNewerSchema is what [Open] and [New] return, wrapped, for a database that a newer
// version of the driver has migrated.
var ErrNewerSchema = sqlstore.ErrNewerSchema

// New returns a store in the database of the caller's pool, whose schema it brings up
// to date: of many processes that start at once one does, and the others wait, no longer
// than the busy timeout of the connection and never more than half a minute. The pool's
// driver must be ncruces/go-sqlite3, and others are refused. Close leaves the pool open.
//
// New changes no setting of the pool. For what [Open] promises, its data source
// name needs _pragma=busy_timeout(5000), _pragma=journal_mode(wal) and
// _pragma=synchronous(full), and modeof=PATH of a file that others must not read, or SQLite makes
// the -wal file beside it with what the umask leaves. The tables are named users, tokens, credentials and
// myauth_migrations, after Options.Prefix; tables of those names that are not MyAuth's
// are refused and left as they are. Temporary and attached tables are never used.
func New(ctx context.Context, db *sql.DB, opts *Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("sqlite: New needs a *sql.DB")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return newStore(ctx, db, o.dialect())
}

func newStore(ctx context.Context, db *sql.DB, d sqlstore.Dialect) (*Store, error) {
	if err := checkDriver(ctx, db, d); err != nil {
		return nil, err
	}
	schema, err := migrate(ctx, db, d, migrations)
	if err != nil {
		return nil, err
	}
	r, err := newRunner(ctx, db, d)
	if err != nil {
		return nil, err
	}
	return &Store{sql: sqlstore.New(r, d, schema), dialect: d, runner: r, db: db}, nil
}

// checkDriver refuses a pool whose errors classify cannot tell apart. It goes by an
// error and not by the driver's type, which may be wrapped in another one.
func checkDriver(ctx context.Context, db *sql.DB, d sqlstore.Dialect) error {
	_, err := db.ExecContext(ctx, "SELECT how_does_the_driver_report_this()")
	var code sqlite3.ErrorCode
	if errors.As(err, &code) && code == sqlite3.ERROR {
		return nil
	}
	if err != nil {
		if outage := d.Explain(ctx, "New", err); ctx.Err() != nil || errors.Is(outage, kit.ErrUnavailable) {
			return outage
		}
	}
	return fmt.Errorf("sqlite: New: the pool's driver %T does not suit, since its errors are unknown: open the pool with github.com/ncruces/go-sqlite3/driver", db.Driver())
}

// dialect returns what package sqlstore needs to know. The schema is main, or a temporary
// table on an application's connection would come first.
func (o *Options) dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		Name: "sqlite", Schema: "main", Prefix: o.Prefix, Classify: classify,
		Due: func(table, known string) string {
			return fmt.Sprintf(`id IN (SELECT id FROM %s WHERE purge_at <= $1 AND %s ORDER BY purge_at, id LIMIT $2)`, table, known)
		},
	}
}

// migrate applies the files that are missing, under the one write lock of the database.
func migrate(ctx context.Context, db *sql.DB, d sqlstore.Dialect, files fs.FS) (schema int64, err error) {
	return sqlstore.Migrate(ctx, db, d, files, func(ctx context.Context, conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	})
}

//go:embed migrations/*.sql
var migrations embed.FS

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
// the application. Tx must be of the pool that New got; otherwise each call returns an error. The
// stores are of no use after it.
//
// They keep the whole contract within tx, one call after another. A call that returns
// [kit.ErrUserExists], [kit.ErrConflict], [kit.ErrNotFound] or [kit.ErrNewerRecord], or whose context
// was done before it, leaves tx as it was. One that returns any other error has rolled tx back.
//
// A transaction that writes keeps the only write lock: the writers of the store and of other
// processes wait for it, each as long as the busy timeout, so let it be short. Begin it as
// immediate, by [sql.LevelSerializable] or _txlock=immediate in the data source name; then it waits
// for the lock when it begins, as long as the busy timeout. A deferred one, which is the default,
// gets the lock at its first write. If it has read before, and another writer has committed since,
// that write fails with [kit.ErrUnavailable] without any wait.
func (s *Store) InTx(tx *sql.Tx) kit.Stores {
	run := txRunner{s.runner, tx}
	return s.sql.In(run, run.rollback).Stores()
}

// Transaction runs do in one immediate transaction of the pool, with the stores as it sees them, and
// commits it if do returns nil: so many writes share one flush to the disk. The writers of the store
// wait for it as they do for each other. The rules of [Store.InTx] apply, and do must use no other
// stores of this database to write, or it waits for itself.
//
// Errors: that of do, as it is; one that wraps [kit.ErrUnavailable] if the transaction may, or may not,
// have been committed.
func (s *Store) Transaction(ctx context.Context, do func(kit.Stores) error) error {
	select {
	case s.runner.turn <- struct{}{}:
		defer s.runner.pass()
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.dialect.Transaction(ctx, s.db, immediate, s.InTx, do)
}

// Close ends the store, and closes the pool if it is the store's own. Later calls
// return an error that wraps [kit.ErrUnavailable]; a second Close does nothing.
func (s *Store) Close() error {
	s.sql.Close()
	err := s.runner.close()
	if s.own != nil {
		err = errors.Join(err, s.own.Close())
	}
	if err != nil {
		return fmt.Errorf("sqlite: close: %w", err)
	}
	return nil
}

func (o *Options) withDefaults() (opts Options, err error) {
	if o != nil {
		opts = *o
	}
	switch err := sqlstore.CheckPrefix(opts.Prefix); {
	case err != nil:
		return opts, fmt.Errorf("sqlite: %w", err)
	case opts.MaxConns < 0:
		return opts, errors.New("sqlite: Options.MaxConns is negative: leave it 0 for the default")
	case opts.BusyTimeout < 0:
		return opts, errors.New("sqlite: Options.BusyTimeout is negative: leave it 0 for the default")
	}
	if opts.MaxConns == 0 {
		opts.MaxConns = 8
	}
	if opts.BusyTimeout == 0 {
		opts.BusyTimeout = 5 * time.Second
	}
	return opts, nil
}
