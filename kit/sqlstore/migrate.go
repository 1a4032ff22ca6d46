package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

const (
	createMigrations = `CREATE TABLE IF NOT EXISTS myauth_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)`
	maxVersion       = `SELECT coalesce(max(version), 0) FROM myauth_migrations`
	insertLockRow    = `INSERT INTO myauth_migrations (version, name) VALUES (0, 'what a migration locks') ON CONFLICT DO NOTHING`
	insertMigration  = `INSERT INTO myauth_migrations (version, name) VALUES ($1, $2)`
)

// ErrNewerSchema says that the database was migrated by a newer version of its
// driver than this one.
var ErrNewerSchema = errors.New("the database has a newer schema than this version of MyAuth knows: update MyAuth, or restore a backup from before the update")

// Migrate brings the schema of db up to date. The migrations are the files of
// fsys, named like 0001_users_and_tokens.sql and numbered from 1 without gaps; each
// is SQL of any number of statements, and once released it never changes. The
// table myauth_migrations lists what was applied.
//
// All that is missing is applied in one transaction, under the dialect's lock: of
// several processes that start at once one migrates and the others wait for it, as
// long as the database lets them and 30 seconds at most, and then return an error
// that wraps kit.ErrUnavailable. The migration itself takes as long as it takes, or
// until ctx ends. A schema that is up to date is only read. There is no way back: a
// database that is ahead of fsys is refused with [ErrNewerSchema].
func Migrate(ctx context.Context, db *sql.DB, d Dialect, fsys fs.FS) error {
	err := migrate(ctx, db, d, fsys)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNewerSchema):
		return fmt.Errorf("%s: %w", d.Name, err)
	default:
		return d.Explain(ctx, "migrate", err)
	}
}

func migrate(ctx context.Context, db *sql.DB, d Dialect, fsys fs.FS) error {
	names, err := migrationNames(fsys)
	if err != nil {
		return err
	}
	m := &migration{d: d, fsys: fsys, names: names}
	current := false
	err = inTime(ctx, func(ctx context.Context) (err error) {
		if m.conn, err = db.Conn(ctx); err != nil {
			return err
		}
		current, err = m.prepare(ctx)
		return err
	})
	if m.conn != nil {
		defer func() { _ = m.conn.Close() }() // back to the pool
	}
	if err != nil || current {
		return err
	}
	return d.again(ctx, func() error {
		if err := inTime(ctx, m.begin); err != nil {
			return err
		}
		err := m.apply(ctx)
		if err != nil {
			abandon(ctx, m.conn)
		}
		return err
	})
}

// migration is one that may be under way, on one connection. Only what is between
// its BEGIN and its COMMIT relies on that: behind a pooler the rest may run on
// several connections of the server.
type migration struct {
	conn    *sql.Conn
	d       Dialect
	fsys    fs.FS
	names   []string // of the files
	schema  string
	qualify func(text string) string
}

// prepare reports whether the schema is up to date; when it is not, the lock is
// there to be taken.
func (m *migration) prepare(ctx context.Context) (current bool, err error) {
	if m.d.Suits != nil {
		if err := m.d.Suits(ctx, m.conn); err != nil {
			return false, err
		}
	}
	m.schema, m.qualify, err = m.d.locate(ctx, m.conn.QueryRowContext)
	if err != nil {
		return false, err
	}
	// Another schema of the search path may have tables of these names.
	var version int
	err = m.conn.QueryRowContext(ctx, m.qualify(maxVersion)).Scan(&version)
	switch {
	case err == nil && version >= len(m.names):
		return true, checkVersion(version, m.names)
	case ctx.Err() != nil:
		return false, err
	case m.d.Lock == "":
		// Either something is to be done or the table does not exist yet; whatever
		// else is wrong, it shows again later.
		return false, nil
	}
	return false, m.prepareLock(ctx)
}

// prepareLock makes the row that Lock locks. Databases let several processes
// through IF NOT EXISTS at once, and then fail all but one of them.
func (m *migration) prepareLock(ctx context.Context) error {
	for _, text := range []string{createMigrations, insertLockRow} {
		err := m.d.again(ctx, func() error {
			_, err := m.conn.ExecContext(ctx, m.qualify(text))
			return err
		})
		if err != nil && m.d.Classify(err).Kind != Duplicate {
			return err
		}
	}
	return nil
}

// begin opens the transaction and waits for the lock.
func (m *migration) begin(ctx context.Context) error {
	if _, err := m.conn.ExecContext(ctx, m.d.Begin); err != nil || m.d.Lock == "" {
		return err
	}
	_, err := m.conn.ExecContext(ctx, m.qualify(m.d.Lock))
	if err != nil {
		abandon(ctx, m.conn)
	}
	return err
}

// apply runs in the transaction, and commits it.
func (m *migration) apply(ctx context.Context) error {
	exec := func(text string, args ...any) error {
		_, err := m.conn.ExecContext(ctx, text, args...)
		return err
	}
	if err := exec(m.qualify(createMigrations)); err != nil {
		return err
	}
	var version int
	if err := m.conn.QueryRowContext(ctx, m.qualify(maxVersion)).Scan(&version); err != nil {
		return err
	}
	if err := checkVersion(version, m.names); err != nil {
		return err
	}
	if m.d.UseSchema != "" && m.schema != "" {
		if err := exec(fmt.Sprintf(m.d.UseSchema, m.schema)); err != nil {
			return err
		}
	}
	for i, name := range m.names[version:] {
		text, err := fs.ReadFile(m.fsys, name)
		if err != nil {
			return err
		}
		if err := exec(rename(string(text), m.d.Prefix)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := exec(m.qualify(insertMigration), version+i+1, name); err != nil {
			return err
		}
	}
	return exec("COMMIT")
}

func checkVersion(version int, names []string) error {
	if version > len(names) {
		return fmt.Errorf("schema version %d, known up to %d: %w", version, len(names), ErrNewerSchema)
	}
	return nil
}

// abandon ends the transaction, also when its context is done, and keeps a
// connection on which that failed out of the pool.
func abandon(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

const (
	// startTimeout bounds the wait for a connection, and then for another process
	// that migrates.
	startTimeout   = 30 * time.Second
	abandonTimeout = 5 * time.Second
)

var errNotInTime = fmt.Errorf("no connection, or no lock, within %v: is another process migrating?", startTimeout)

// inTime runs f, which waits for others, and says so when they took too long.
func inTime(ctx context.Context, f func(context.Context) error) error {
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := f(waiting)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return errNotInTime // what the database says is that it was interrupted
	}
	return err
}

// migrationNames returns the files in their order, each at the index one below
// its number.
func migrationNames(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s stands where number %d is due", name, i+1)
		}
	}
	return names, nil
}
