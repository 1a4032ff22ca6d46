package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// Store keeps users, tokens and credentials in one SQL database. It is safe for concurrent
// use.
type Store struct {
	run                 Runner
	dialect             Dialect
	users               Users
	tokens, credentials Tokens
	version             string // the statement that Ping runs
	schema              int64  // the greatest answer to it that is known
	closed              *atomic.Bool
	reads               turns        // those of Dialect.Readers
	tx                  *transaction // nil: run is a pool
}

// transaction is one of the caller, in which calls take turns.
type transaction struct {
	turns    // of one at a time; nil: no other can come
	rollback func()
}

// turns has room for those who may run at once; nil: for everybody.
type turns chan struct{}

// New returns a store whose statements run on run. The schema has the version that [Migrate]
// returned.
func New(run Runner, d Dialect, schema int64) *Store {
	users, tokens, credentials := d.userTexts(), d.tokenTexts("tokens"), d.tokenTexts("credentials")
	s := &Store{run: run, dialect: d, version: d.qualify(schemaVersion), schema: schema, closed: new(atomic.Bool)}
	if d.Readers > 0 {
		s.reads = make(turns, d.Readers)
	}
	s.users = Users{s, &users}
	s.tokens, s.credentials = Tokens{s, &tokens}, Tokens{s, &credentials}
	return s
}

// In returns a store whose statements run in a transaction of the caller. It tries nothing
// again, since what a transaction conflicted with it conflicts with until it ends. Where a
// unique key is taken the transaction goes on; after an error of the database rollback is called,
// which may be nil. One call after another runs: many connections take no statement while they
// answer another, and a savepoint would also undo what another call did meanwhile. The store is
// closed with s.
func (s *Store) In(tx Runner, rollback func()) *Store {
	in := *s
	in.run, in.reads, in.tx = tx, nil, &transaction{make(turns, 1), rollback}
	in.users.s, in.tokens.s, in.credentials.s = &in, &in, &in
	return &in
}

// Stores returns the three stores.
func (s *Store) Stores() kit.Stores {
	return kit.Stores{Users: &s.users, Tokens: &s.tokens, Credentials: &s.credentials}
}

// Users returns the store's users.
func (s *Store) Users() *Users { return &s.users }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &s.tokens }

// Credentials returns the store's credentials.
func (s *Store) Credentials() *Tokens { return &s.credentials }

// Close lets every later call return an error that wraps kit.ErrUnavailable. What the
// statements ran on is the caller's to close.
func (s *Store) Close() { s.closed.Store(true) }

var errClosed = errors.New("the store is closed")

// ping implements kit.Pinger with a query that reads the database. It fails once a newer
// version has migrated the schema, so that a server that is not updated is seen to be unready.
func (s *Store) ping(ctx context.Context) error {
	version, err := one(ctx, s, scanNumber, s.version)
	if err == nil && version > s.schema {
		err = fmt.Errorf("%w: %w", kit.ErrUnavailable, ErrNewerSchema)
	}
	return s.fail(ctx, "ping", err)
}

func scanNumber(rows *sql.Rows, n *int64) error { return rows.Scan(n) }

// list returns what scan reads of each row that a statement selects. A read may conflict
// with another statement too: under PostgreSQL's level SERIALIZABLE, for example.
func list[T any](ctx context.Context, s *Store, scan func(*sql.Rows, *T) error, text string, args ...any) (found []T, err error) {
	err = s.again(ctx, func() error {
		if s.closed.Load() {
			return errClosed
		}
		reading, end, err := s.read(ctx)
		if err != nil {
			return err
		}
		defer end()
		rows, err := s.run.QueryContext(reading, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		found = []T{}
		for rows.Next() {
			var empty T
			found = append(found, empty)
			if err := scan(rows, &found[len(found)-1]); err != nil {
				return err
			}
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	return found, err
}

// one returns what scan reads of the one row that a statement selects, or kit.ErrNotFound.
func one[T any](ctx context.Context, s *Store, scan func(*sql.Rows, *T) error, text string, args ...any) (v T, err error) {
	found, err := list(ctx, s, scan, text, args...)
	if err == nil && len(found) == 0 {
		err = kit.ErrNotFound
	}
	if err != nil {
		return v, err
	}
	return found[0], nil
}

// again runs f, and again while it conflicts with other statements. In a transaction of the
// caller it runs it once.
func (s *Store) again(ctx context.Context, f func() error) error {
	if s.tx == nil {
		return s.dialect.again(ctx, f)
	}
	end, err := s.tx.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	err = f()
	if err != nil && s.tx.rollback != nil && !isAnswer(err) && !s.dialect.is(err, Duplicate) {
		s.tx.rollback()
	}
	return err
}

// begin waits for a turn. A context that is over gets none.
func (t turns) begin(ctx context.Context) (end func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	select {
	case t <- struct{}{}:
		end = func() { <-t }
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// read waits until a read may run, and returns its context.
func (s *Store) read(ctx context.Context) (_ context.Context, end func(), err error) {
	end, err = s.reads.begin(ctx)
	if s.reads != nil {
		ctx = unwatched{ctx}
	}
	return ctx, end, err
}

// unwatched is a context whose end only those notice who ask for its Err. A read of one row takes
// a fifth less processor time without the goroutine of package sql that waits for Done.
type unwatched struct{ context.Context }

func (unwatched) Done() <-chan struct{} { return nil }

// write runs a statement that changes rows, and returns how many it changed.
func (s *Store) write(ctx context.Context, text string, args ...any) (changed int64, err error) {
	err = s.again(ctx, func() error {
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

// maxValues is the most arguments of a statement that writes a row, and maxRead the most columns that one selects.
const maxValues, maxRead = 17, 31

// add runs an insert, and returns taken when a unique key was.
func (s *Store) add(ctx context.Context, insert string, taken error, values []any) error {
	n, err := s.write(ctx, insert, values...)
	if err == nil && n == 0 {
		return taken
	}
	return err
}

// swap runs statements that change a row only if the version is the one presented: the
// values come first among their arguments, the id and the version last.
func (s *Store) swap(ctx context.Context, texts []string, look, id string, version int64, values []any) error {
	return s.change(ctx, texts, look, id, append(values, id, version), func(stored int64) bool { return stored == version })
}

// change runs a statement that changes a row if it is as expected. When it changed none it
// looks why, and the answer is what is true at the look: so where that finds the version
// expected, because the record was made in between or the statement asks for more than the version, it
// tries the next one, and the last one again.
func (s *Store) change(ctx context.Context, texts []string, look, id string, args []any, expected func(version int64) bool) error {
	for i := range attempts {
		n, err := s.write(ctx, texts[min(i, len(texts)-1)], args...)
		if err != nil || n > 0 {
			return err
		}
		stored, err := one(ctx, s, scanVersion, look, id)
		if err != nil {
			return err
		}
		if !expected(stored) {
			return kit.ErrConflict
		}
	}
	return errUnsettled
}

var errUnsettled = errors.New("the record is removed and made anew all the time")

// spare runs a change that a unique key may prevent. In a transaction that would fail with it,
// there is a savepoint before it.
func (s *Store) spare(ctx context.Context, change func(*Store) error) error {
	if s.tx == nil || !s.dialect.Savepoints {
		return change(s)
	}
	end, err := s.tx.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	whole := *s
	whole.tx = &transaction{rollback: s.tx.rollback} // whose turn it is
	if _, err := s.run.ExecContext(ctx, "SAVEPOINT myauth"); err != nil {
		return err
	}
	err = change(&whole)
	switch {
	case s.dialect.is(err, Duplicate):
		if _, err := s.run.ExecContext(ctx, "ROLLBACK TO SAVEPOINT myauth"); err != nil {
			return err
		}
	case err != nil && !isAnswer(err):
		return err // the transaction cannot go on
	}
	if _, err := s.run.ExecContext(ctx, "RELEASE SAVEPOINT myauth"); err != nil {
		return err
	}
	return err
}

// isAnswer reports whether err is a refusal of the store contract.
func isAnswer(err error) bool {
	return errors.Is(err, kit.ErrNotFound) || errors.Is(err, kit.ErrConflict) || errors.Is(err, kit.ErrUserExists) || errors.Is(err, kit.ErrNewerRecord)
}

// fail turns an error of the database into one of the store contract. What is certain
// goes before what the context says.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	switch {
	case errors.Is(err, kit.ErrNewerRecord):
		return fmt.Errorf("%s: %s: %w", s.dialect.Name, op, err)
	case err == nil, isAnswer(err):
		return err
	}
	return s.dialect.Explain(ctx, op, err)
}

// absent is fail for a look at a key: what the database cannot hold is not there.
func (s *Store) absent(ctx context.Context, op string, err error) error {
	if s.dialect.is(err, Unstorable) {
		return kit.ErrNotFound
	}
	return s.fail(ctx, op, err)
}

// nothing is the answer of a list: what the database cannot hold has nothing in it.
func nothing[T any](found []T, err error) ([]T, error) {
	switch {
	case errors.Is(err, kit.ErrNotFound):
		return []T{}, nil
	case err != nil:
		return nil, err
	}
	return found, nil
}
