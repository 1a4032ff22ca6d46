package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"myauth.internal/kit"
)

// Store keeps users and tokens in one SQL database. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	dialect Dialect
	stmts   [statements]*sql.Stmt
	writers chan struct{} // nil: no bound
}

// New returns a store over db, whose schema is up to date: see [Migrate]. It
// prepares the statements, and db prepares them again on each of its connections
// at their first use there. The pool stays the caller's.
func New(ctx context.Context, db *sql.DB, d Dialect) (*Store, error) {
	s := &Store{db: db, dialect: d}
	if d.MaxWriters > 0 {
		s.writers = make(chan struct{}, d.MaxWriters)
	}
	err := inTime(ctx, func(ctx context.Context) error {
		qualify, err := d.locate(ctx, db.QueryRowContext)
		if err != nil {
			return err
		}
		for i, text := range d.texts() {
			if s.stmts[i], err = db.PrepareContext(ctx, qualify(text)); err != nil {
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

// Users returns the store's users.
func (s *Store) Users() *Users { return &Users{s} }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s} }

// Close gives the prepared statements back and leaves the pool open. Every later
// call of the store returns an error that wraps kit.ErrUnavailable.
func (s *Store) Close() error {
	var errs []error
	for _, stmt := range s.stmts {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// Ping implements kit.Pinger with a query that reads the database.
func (s *Store) Ping(ctx context.Context) error {
	var version int64
	err := s.row(ctx, schemaVersion, nil, &version)
	return s.fail(ctx, "ping", err)
}

// row reads the one row that a statement selects. A read too may have met another
// statement and do it again: under PostgreSQL's level SERIALIZABLE, say.
func (s *Store) row(ctx context.Context, stmt statement, args []any, dest ...any) error {
	return s.dialect.again(ctx, func() error {
		return s.stmts[stmt].QueryRowContext(ctx, args...).Scan(dest...)
	})
}

// write runs a statement that changes rows, and returns how many it changed.
func (s *Store) write(ctx context.Context, stmt statement, args ...any) (int64, error) {
	changed, err := s.writeInTurn(ctx, stmt, args)
	if err == nil && s.dialect.AfterWrite != nil {
		s.dialect.AfterWrite(ctx, s.db)
	}
	return changed, err
}

func (s *Store) writeInTurn(ctx context.Context, stmt statement, args []any) (int64, error) {
	if s.writers != nil {
		select {
		case s.writers <- struct{}{}:
			defer func() { <-s.writers }()
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	var changed int64
	first := args[0]
	defer func() { args[0] = first }()
	err := s.dialect.again(ctx, func() error {
		args[0] = &once{value: first}
		result, err := s.stmts[stmt].ExecContext(ctx, args...)
		if err == nil {
			changed, err = result.RowsAffected()
		}
		return err
	})
	if errors.Is(err, errAnswerLost) {
		err = errAnswerLost // database/sql takes it for an argument that is wrong
	}
	return changed, err
}

// once is an argument that is sent once. database/sql runs a prepared statement
// again when the connection broke, though the first run may have had its effect,
// and would report the second: a conflict of the caller with itself.
type once struct {
	value driver.Value
	sent  bool
}

// Value implements [driver.Valuer].
func (o *once) Value() (driver.Value, error) {
	if o.sent {
		return nil, errAnswerLost
	}
	o.sent = true
	return o.value, nil
}

var errAnswerLost = errors.New("the connection broke before the answer came")

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
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %s: %w", s.dialect.Name, op, ctx.Err())
	}
	return s.dialect.explain(op, err)
}

// duplicate is fail with an answer of the caller's to a key that is taken.
func (s *Store) duplicate(ctx context.Context, op string, err, taken error) error {
	if err != nil && s.dialect.Classify(err).Kind == Duplicate {
		return taken
	}
	return s.fail(ctx, op, err)
}

// explain adds to an error what was being done, and what to do about it.
func (d Dialect) explain(op string, err error) error {
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

// isOutage reports whether the pool, a connection or the store was closed, or the
// store gave up by itself. Two of the errors of database/sql have no name, so their
// text has to do.
func isOutage(err error) bool {
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, errAnswerLost) || errors.Is(err, errUnsettled) || errors.Is(err, errNotInTime) {
		return true
	}
	text := err.Error()
	return text == "sql: database is closed" || text == "sql: statement is closed"
}
