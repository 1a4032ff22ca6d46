package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"myauth.internal/kit"
)

// Store keeps users and tokens in one SQL database. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	dialect Dialect
	texts   [statements]string
	stmts   [statements]*sql.Stmt // where the dialect prepares them
	closed  atomic.Bool
	writers chan struct{} // nil: no bound
}

// New returns a store over db, whose schema is up to date: see [Migrate]. It
// prepares the statements, where the dialect says so, and db prepares them again on
// each of its connections at their first use there; otherwise it looks whether the
// tables are those of MyAuth. The pool stays the caller's.
func New(ctx context.Context, db *sql.DB, d Dialect) (*Store, error) {
	s := &Store{db: db, dialect: d}
	if d.MaxWriters > 0 {
		s.writers = make(chan struct{}, d.MaxWriters)
	}
	err := inTime(ctx, func(ctx context.Context) error {
		_, qualify, err := d.locate(ctx, db.QueryRowContext)
		if err != nil {
			return err
		}
		for i, text := range d.texts() {
			s.texts[i] = qualify(text)
		}
		if d.Prepared {
			return s.prepare(ctx)
		}
		for _, text := range tables {
			rows, err := db.QueryContext(ctx, qualify(text))
			if err != nil {
				return err
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(s.fail(ctx, "prepare the statements", err), s.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) (err error) {
	for i, text := range s.texts {
		if s.stmts[i], err = s.db.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// Users returns the store's users.
func (s *Store) Users() *Users { return &Users{s} }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s} }

// Close gives the prepared statements back and leaves the pool open. Every later
// call of the store returns an error that wraps kit.ErrUnavailable.
func (s *Store) Close() error {
	s.closed.Store(true)
	var errs []error
	for _, stmt := range s.stmts {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

var errClosed = errors.New("the store is closed")

// Ping implements kit.Pinger with a query that reads the database.
func (s *Store) Ping(ctx context.Context) error {
	var version int64
	err := s.row(ctx, schemaVersion, nil, &version)
	return s.fail(ctx, "ping", err)
}

// query runs a statement that reads.
func (s *Store) query(ctx context.Context, stmt statement, args []any) (*sql.Rows, error) {
	switch {
	case s.closed.Load():
		return nil, errClosed
	case s.dialect.Prepared:
		return s.stmts[stmt].QueryContext(ctx, args...)
	default:
		return s.db.QueryContext(ctx, s.texts[stmt], args...)
	}
}

// exec runs a statement that changes rows, once: on a connection that it holds, for
// which database/sql does not do what it does for a pool, and run the statement again
// on another connection when one breaks. The first run may have had its effect, so
// the second would report a conflict of the caller with itself.
func (s *Store) exec(ctx context.Context, stmt statement, args []any) (sql.Result, error) {
	switch {
	case s.closed.Load():
		return nil, errClosed
	case s.dialect.Prepared:
		return s.stmts[stmt].ExecContext(ctx, args...)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // back to the pool
	return conn.ExecContext(ctx, s.texts[stmt], args...)
}

// each calls read with every row that a statement selects, and start before the first.
// A read too may have met another statement and is then done again: under
// PostgreSQL's level SERIALIZABLE, say.
func (s *Store) each(ctx context.Context, stmt statement, args []any, start func(), read func(*sql.Rows) error) error {
	return s.dialect.again(ctx, func() error {
		rows, err := s.query(ctx, stmt, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		start()
		for rows.Next() {
			if err := read(rows); err != nil {
				return err
			}
		}
		return errors.Join(rows.Err(), rows.Close())
	})
}

// row reads the one row that a statement selects.
func (s *Store) row(ctx context.Context, stmt statement, args []any, dest ...any) error {
	found := false
	err := s.each(ctx, stmt, args, func() { found = false }, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// write runs a statement that changes rows, and returns how many it changed.
func (s *Store) write(ctx context.Context, stmt statement, args ...any) (int64, error) {
	changed, err := s.writeInTurn(ctx, stmt, args)
	if err == nil && s.dialect.AfterWrite != nil {
		s.dialect.AfterWrite(ctx, s.db)
	}
	return changed, err
}

func (s *Store) writeInTurn(ctx context.Context, stmt statement, args []any) (changed int64, err error) {
	if s.writers != nil {
		select {
		case s.writers <- struct{}{}:
			defer func() { <-s.writers }()
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	err = s.dialect.again(ctx, func() error {
		result, err := s.exec(ctx, stmt, args)
		if err == nil {
			changed, err = result.RowsAffected()
		}
		return err
	})
	return changed, err
}

// attempts is how often a statement that met another one is run.
const attempts = 10

// again runs f until it no longer meets another statement. Two that met once part at
// the second attempt; those of a crowd would meet for ever, were it not for pauses.
func (d Dialect) again(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		if err == nil || n == attempts || ctx.Err() != nil || d.Classify(err).Kind != Retry {
			return err
		}
		if n == 1 {
			continue
		}
		select {
		case <-time.After(rand.N(firstPause << (n - 2))):
		case <-ctx.Done():
			return err
		}
	}
}

// firstPause is the most that the first pause lasts; the others double it, so that
// all of them last a quarter of a second at most.
const firstPause = time.Millisecond

// swap runs an update that has changed a row only if the version was the one
// presented. When it changed none it looks why; finding the very version that was
// presented, because the record was made in between, it tries again, a few times.
func (s *Store) swap(ctx context.Context, id string, version int64, update, read statement, args ...any) error {
	for range attempts {
		n, err := s.write(ctx, update, args...)
		if err != nil || n > 0 {
			return err
		}
		var stored int64
		if err := s.row(ctx, read, []any{id}, &stored); err != nil {
			return err
		}
		if stored != version {
			return kit.ErrConflict
		}
	}
	return errUnsettled
}

var errUnsettled = errors.New("the record is removed and made anew all the time")

// fail turns an error of the database into one of the store contract. What is
// certain goes before what the context says, since it is an answer.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return kit.ErrNotFound
	case errors.Is(err, kit.ErrConflict):
		return err
	}
	return s.dialect.Explain(ctx, op, err)
}

// duplicate is fail with an answer of the caller's to a key that is taken.
func (s *Store) duplicate(ctx context.Context, op string, err, taken error) error {
	if err != nil && s.dialect.Classify(err).Kind == Duplicate {
		return taken
	}
	return s.fail(ctx, op, err)
}

// Explain adds to an error what was being done, and what to do about it, and says
// whether it is one of those that package kit knows: kit.ErrUnavailable, or what ended
// the context.
func (d Dialect) Explain(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %s: %w", d.Name, op, ctx.Err())
	}
	class := d.Classify(err)
	if class.Advice != "" {
		err = fmt.Errorf("%w: %s", err, class.Advice)
	}
	if class.Kind == Unavailable || class.Kind == Retry || isOutage(err) {
		return fmt.Errorf("%s: %s: %w: %w", d.Name, op, kit.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %s: %w", d.Name, op, err)
}

// absent is fail for a look at a key: what the database cannot hold is not there.
func (s *Store) absent(ctx context.Context, op string, err error) error {
	if err != nil && s.dialect.Classify(err).Kind == Unstorable {
		return kit.ErrNotFound
	}
	return s.fail(ctx, op, err)
}

// isOutage reports whether the pool, a connection or the store was closed, a
// connection broke, or the store gave up by itself. Two of the errors of database/sql
// have no name, so their text has to do.
func isOutage(err error) bool {
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, errClosed) || errors.Is(err, errUnsettled) || errors.Is(err, errNotInTime) {
		return true
	}
	text := err.Error()
	return text == "sql: database is closed" || text == "sql: statement is closed"
}
