package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
)

// slow is an empty database, and all that belongs to one, which takes its time over
// some statements.
type slow struct {
	takes  map[string]time.Duration // by the text of the statement, or "connect"
	log    []string
	closed int             // connections
	asked  context.Context // of the last query
}

const never = 1000 * time.Hour

func (s *slow) spend(ctx context.Context, text string) error {
	s.log = append(s.log, text)
	select {
	case <-time.After(s.takes[text]):
		return nil
	case <-ctx.Done():
		return errors.New("interrupted")
	}
}

func (s *slow) Connect(ctx context.Context) (driver.Conn, error) {
	return slowConn{s}, s.spend(ctx, "connect")
}
func (s *slow) Driver() driver.Driver { return nil }

type slowConn struct{ *slow }

func (c slowConn) Begin() (driver.Tx, error) { return nil, errDown }
func (c slowConn) Close() error              { c.closed++; return nil }
func (c slowConn) Prepare(text string) (driver.Stmt, error) {
	return nil, errors.New("only PrepareContext is expected")
}
func (c slowConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	return elusive{}, c.spend(ctx, text)
}
func (c slowConn) ExecContext(ctx context.Context, text string, _ []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(0), c.spend(ctx, text)
}
func (c slowConn) QueryContext(ctx context.Context, text string, _ []driver.NamedValue) (driver.Rows, error) {
	c.asked = ctx
	return &noMigration{}, c.spend(ctx, text)
}

// noMigration is the answer to which migrations were applied.
type noMigration struct{ read bool }

func (*noMigration) Columns() []string { return []string{"version"} }
func (*noMigration) Close() error      { return nil }
func (n *noMigration) Next(row []driver.Value) error {
	if n.read {
		return io.EOF
	}
	n.read, row[0] = true, int64(0)
	return nil
}

// The wait for others has an end, the migration has none but its context's.
func TestHowLongAMigrationWaits(t *testing.T) {
	const work = "CREATE TABLE much"
	for _, c := range []struct {
		name  string
		takes map[string]time.Duration
		limit time.Duration // of the context
		want  error
		after time.Duration
	}{
		{name: "a long migration", takes: map[string]time.Duration{"LOCK": startTimeout - 1, work: time.Hour}, after: startTimeout - 1 + time.Hour},
		{name: "no connection", takes: map[string]time.Duration{"connect": never}, want: kit.ErrUnavailable, after: startTimeout},
		{name: "no answer", takes: map[string]time.Duration{schemaVersion: never}, want: kit.ErrUnavailable, after: startTimeout},
		{name: "no lock", takes: map[string]time.Duration{"LOCK": never}, want: kit.ErrUnavailable, after: startTimeout},
		{name: "no answer after the migration", takes: map[string]time.Duration{checks[0]: never}, want: kit.ErrUnavailable, after: startTimeout},
		{name: "no lock, and no rollback", takes: map[string]time.Duration{"LOCK": never, "ROLLBACK": never}, want: kit.ErrUnavailable, after: startTimeout + abandonTimeout},
		{name: "no end, and no rollback", takes: map[string]time.Duration{work: never, "ROLLBACK": never}, limit: time.Hour, want: context.DeadlineExceeded, after: time.Hour + abandonTimeout},
		{name: "no lock until the context ends", takes: map[string]time.Duration{"LOCK": never}, limit: time.Second, want: context.DeadlineExceeded, after: time.Second},
		{name: "no end of the migration", takes: map[string]time.Duration{work: never}, limit: time.Hour, want: context.DeadlineExceeded, after: time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slow{takes: c.takes}
				db := sql.OpenDB(s)
				defer db.Close()
				ctx := t.Context()
				if c.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.limit)
					defer cancel()
				}
				begin := func(ctx context.Context, conn *sql.Conn) error {
					_, err := conn.ExecContext(ctx, "LOCK")
					return err
				}
				start := time.Now()
				_, err := Migrate(ctx, db, testDialect(), fstest.MapFS{"migrations/0001_much.sql": {Data: []byte(work)}}, begin)
				if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
					t.Errorf("Migrate: %v, want %v", err, c.want)
				}
				if took := time.Since(start); took != c.after {
					t.Errorf("it took %v, want %v", took, c.after)
				}
				begun, ended := slices.Contains(s.log, "LOCK"), slices.Contains(s.log, "ROLLBACK") || slices.Contains(s.log, "COMMIT")
				if begun != ended {
					t.Errorf("the transaction has no end: %q", s.log)
				}
				if s.takes["ROLLBACK"] == never && s.closed != 1 {
					t.Error("a connection in a transaction goes back to the pool")
				}
			})
		})
	}
}

// Where reads take turns, a context ends the wait for one. That of a read which runs is the driver's
// alone to look at, by its Err.
func TestReadersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDialect()
		d.Readers = 2
		s := &slow{takes: map[string]time.Duration{schemaVersion: time.Hour}}
		db := sql.OpenDB(s)
		defer db.Close()
		store := New(db, d, 0)
		ping := func(limit time.Duration) (func() error, context.CancelFunc) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			answer := make(chan error, 1)
			go func() { answer <- store.Users().Ping(ctx) }()
			synctest.Wait()
			return func() error { return <-answer }, cancel
		}
		first, _ := ping(never)
		second, end := ping(never)
		asked := s.asked
		third, _ := ping(time.Second)
		fourth, _ := ping(never)
		start := time.Now()
		if err := third(); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("the third read: %v after %v", err, time.Since(start))
		}
		end()
		if asked.Done() != nil || asked.Err() == nil {
			t.Errorf("the driver has a context that package sql watches too, or that does not end: %v", asked)
		}
		if err := errors.Join(first(), second(), fourth()); err != nil || time.Since(start) != 2*time.Hour {
			t.Errorf("the others: %v after %v", err, time.Since(start))
		}
	})
}
