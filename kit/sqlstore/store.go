package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	"myauth.internal/kit"
)

// Runner is what a [Store] runs its statements on. A *sql.DB and a *sql.Tx have these
// methods. A pool must not be given as it is where its driver may answer
// [database/sql/driver.ErrBadConn] for a write that it has sent: package sql would send
// it again, and the second run would report a conflict with the first.
type Runner interface {
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
}

// Store keeps users and tokens in one SQL database. It is safe for concurrent use.
type Store struct {
	run     Runner
	dialect Dialect
	users   Users
	tokens  Tokens
	version string // the statement that Ping runs
	closed  atomic.Bool
}

// New returns a store whose statements run on run. The schema is up to date: see
// [Migrate].
func New(run Runner, d Dialect) *Store {
	s := &Store{run: run, dialect: d, version: d.qualify(schemaVersion)}
	s.users = Users{s, d.userTexts()}
	s.tokens = Tokens{s, d.tokenTexts()}
	return s
}

// Users returns the store's users.
func (s *Store) Users() *Users { return &s.users }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &s.tokens }

// Close lets every later call return an error that wraps kit.ErrUnavailable. What the
// statements ran on is the caller's to close.
func (s *Store) Close() { s.closed.Store(true) }

var errClosed = errors.New("the store is closed")

// ping implements kit.Pinger with a query that reads the database.
func (s *Store) ping(ctx context.Context) error {
	_, err := one(ctx, s, scanNumber, s.version)
	return s.fail(ctx, "ping", err)
}

func scanNumber(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) }

// list returns what scan makes of each row that a statement selects. A read may conflict
// with another statement too: under PostgreSQL's level SERIALIZABLE, for example.
func list[T any](ctx context.Context, s *Store, scan func(*sql.Rows) (T, error), text string, args ...any) (found []T, err error) {
	err = s.dialect.again(ctx, func() error {
		if s.closed.Load() {
			return errClosed
		}
		rows, err := s.run.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		found = []T{}
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return err
			}
			found = append(found, v)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	return found, err
}

// one returns what scan makes of the one row that a statement selects, or kit.ErrNotFound.
func one[T any](ctx context.Context, s *Store, scan func(*sql.Rows) (T, error), text string, args ...any) (v T, err error) {
	found, err := list(ctx, s, scan, text, args...)
	if err == nil && len(found) == 0 {
		err = kit.ErrNotFound
	}
	if err != nil {
		return v, err
	}
	return found[0], nil
}

// write runs a statement that changes rows, and returns how many it changed.
func (s *Store) write(ctx context.Context, text string, args ...any) (changed int64, err error) {
	err = s.dialect.again(ctx, func() error {
		if s.closed.Load() {
			return errClosed
		}
		result, err := s.run.ExecContext(ctx, text, args...)
		if err == nil {
			changed, err = result.RowsAffected()
		}
		return err
	})
	return changed, err
}

// swap runs an update that changes a row only if the version is the one presented. When
// it changed none it looks why, and the answer is what is true at the look: so where that
// finds the version presented, because the record was made in between, it tries again.
func (s *Store) swap(ctx context.Context, update, look, id string, version int64, values []any) error {
	for range attempts {
		n, err := s.write(ctx, update, append(values, id, version)...)
		if err != nil || n > 0 {
			return err
		}
		stored, err := one(ctx, s, scanNumber, look, id)
		if err != nil {
			return err
		}
		if stored != version {
			return kit.ErrConflict
		}
	}
	return errUnsettled
}

var errUnsettled = errors.New("the record is removed and made anew all the time")

// fail turns an error of the database into one of the store contract. What is certain
// goes before what the context says.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	if err == nil || errors.Is(err, kit.ErrNotFound) || errors.Is(err, kit.ErrConflict) {
		return err
	}
	return s.dialect.Explain(ctx, op, err)
}

// duplicate is fail for a write that a unique key may prevent, for which it returns
// taken.
func (s *Store) duplicate(ctx context.Context, op string, err, taken error) error {
	if s.dialect.is(err, Duplicate) {
		return taken
	}
	return s.fail(ctx, op, err)
}

// absent is fail for a look at a key: what the database cannot hold is not there.
func (s *Store) absent(ctx context.Context, op string, err error) error {
	if s.dialect.is(err, Unstorable) {
		return kit.ErrNotFound
	}
	return s.fail(ctx, op, err)
}
