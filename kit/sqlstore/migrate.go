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
	case ctx.Err() != nil:
		return fmt.Errorf("%s: migrate: %w", d.Name, ctx.Err())
	default:
		return d.explain("migrate", err)
	}
}

func migrate(ctx context.Context, db *sql.DB, d Dialect, fsys fs.FS) error {
	names, err := migrationNames(fsys)
	if err != nil {
		return err
	}
	var conn *sql.Conn
	current := false
	err = inTime(ctx, func(ctx context.Context) (err error) {
		if conn, err = db.Conn(ctx); err != nil {
			return err
		}
		current, err = prepare(ctx, conn, d, names)
		return err
	})
	if conn != nil {
		defer func() { _ = conn.Close() }() // back to the pool
	}
	if err != nil || current {
		return err
	}
	return d.again(ctx, func() error {
		if err := inTime(ctx, func(ctx context.Context) error { return begin(ctx, conn, d) }); err != nil {
			return err
		}
		err := apply(ctx, conn, d, fsys, names)
		if err != nil {
			abandon(ctx, conn)
		}
		return err
	})
}

// prepare reports whether the schema is up to date; when it is not, the lock is
// there to be taken.
func prepare(ctx context.Context, conn *sql.Conn, d Dialect, names []string) (current bool, err error) {
	if d.Suits != nil {
		if err := d.Suits(ctx, conn); err != nil {
			return false, err
		}
	}
	qualify, err := d.locate(ctx, conn.QueryRowContext)
	if err != nil {
		return false, err
	}
	// Another schema of the search path may have tables of these names.
	var version int
	err = conn.QueryRowContext(ctx, qualify(maxVersion)).Scan(&version)
	switch {
	case err == nil && version >= len(names):
		return true, checkVersion(version, names)
	case ctx.Err() != nil:
		return false, err
	case d.Lock == "":
		// Either something is to be done or the table does not exist yet; whatever
		// else is wrong, it shows again later.
		return false, nil
	}
	return false, prepareLock(ctx, conn, d)
}

// prepareLock makes the row that Lock locks. Databases let several processes
// through IF NOT EXISTS at once, and then fail all but one of them.
func prepareLock(ctx context.Context, conn *sql.Conn, d Dialect) error {
	for _, text := range []string{createMigrations, insertLockRow} {
		err := d.again(ctx, func() error {
			_, err := conn.ExecContext(ctx, text)
			return err
		})
		if err != nil && d.Classify(err).Kind != Duplicate {
			return err
		}
	}
	return nil
}

// begin opens the transaction and waits for the lock.
func begin(ctx context.Context, conn *sql.Conn, d Dialect) error {
	if _, err := conn.ExecContext(ctx, d.Begin); err != nil || d.Lock == "" {
		return err
	}
	_, err := conn.ExecContext(ctx, d.Lock)
	if err != nil {
		abandon(ctx, conn)
	}
	return err
}

// apply runs in the transaction, and commits it.
func apply(ctx context.Context, conn *sql.Conn, d Dialect, fsys fs.FS, names []string) error {
	if _, err := conn.ExecContext(ctx, createMigrations); err != nil {
		return err
	}
	var version int
	if err := conn.QueryRowContext(ctx, maxVersion).Scan(&version); err != nil {
		return err
	}
	if err := checkVersion(version, names); err != nil {
		return err
	}
	for i, name := range names[version:] {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := conn.ExecContext(ctx, insertMigration, version+i+1, name); err != nil {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, "COMMIT")
	return err
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
