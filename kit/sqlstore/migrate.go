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
// several processes that start at once one migrates and the others wait for it. A
// schema that is up to date is only read. There is no way back: a database that
// is ahead of fsys is refused with [ErrNewerSchema].
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
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // back to the pool
	if d.Suits != nil {
		if err := d.Suits(ctx, conn); err != nil {
			return err
		}
	}
	var version int
	if err := conn.QueryRowContext(ctx, maxVersion).Scan(&version); err == nil && version >= len(names) {
		return checkVersion(version, names)
	}
	// Either something is to be done or the table does not exist yet; whatever
	// else is wrong, it shows again below.
	if d.Lock != "" {
		if err := prepareLock(ctx, conn, d); err != nil {
			return err
		}
	}
	return d.again(ctx, func() error {
		if _, err := conn.ExecContext(ctx, d.Begin); err != nil {
			return err
		}
		err := apply(ctx, conn, d, fsys, names)
		if err != nil {
			abandon(conn)
		}
		return err
	})
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

// apply runs in the transaction, and commits it.
func apply(ctx context.Context, conn *sql.Conn, d Dialect, fsys fs.FS, names []string) error {
	for _, text := range []string{d.Lock, createMigrations} {
		if text == "" {
			continue
		}
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return err
		}
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
func abandon(conn *sql.Conn) {
	if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
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
