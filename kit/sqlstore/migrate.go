package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	createMigrations = `CREATE TABLE IF NOT EXISTS myauth_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)`
	schemaVersion    = `SELECT coalesce(max(version), 0) FROM myauth_migrations`
	insertMigration  = `INSERT INTO myauth_migrations (version, name) VALUES ($1, $2)`
)

// ErrNewerSchema says that the database was migrated by a newer version of its
// driver than this one.
var ErrNewerSchema = errors.New("the database has a newer schema than this version of MyAuth knows: update MyAuth, or restore a backup from before the update")

// Migrate brings the schema of db up to date, and checks that the tables are MyAuth's.
// The migrations are the files in the folder migrations of files, named like
// 0001_tables.sql and numbered from 1 without gaps. Each holds any number of
// statements, and once released it never changes. The table myauth_migrations lists what
// was applied.
//
// All that is missing is applied in one transaction, which begin opens by a statement.
// Begin returns once no other process is about to migrate the same database, and sees to
// it that names without a schema in the files mean Dialect.Schema. It has 30 seconds for
// that, and then Migrate returns an error that wraps kit.ErrUnavailable. The migration
// itself takes as long as it takes, or until ctx ends.
//
// A schema that is up to date is only read. There is no way back: a database that is
// ahead of the files is refused with [ErrNewerSchema]. Migrate returns the version of the
// schema, for [New].
func Migrate(ctx context.Context, db *sql.DB, d Dialect, files fs.FS, begin func(context.Context, *sql.Conn) error) (schema int64, err error) {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	m := &migration{d: d, files: files, begin: begin, limit: time.AfterFunc(startTimeout, cancel)}
	defer m.limit.Stop()
	schema, err = m.run(limited, db)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = errNotInTime // what the database says is that it was interrupted
	}
	switch {
	case err == nil:
		return schema, nil
	case errors.Is(err, ErrNewerSchema):
		return 0, fmt.Errorf("%s: %w", d.Name, err)
	default:
		return 0, d.Explain(ctx, "migrate", err)
	}
}

// checks are queries that find nothing, and fail where the tables are not MyAuth's.
var checks = []string{
	`SELECT ` + userSelected + `, email_key FROM users WHERE 1 = 0`,
	`SELECT ` + tokenSelected + ` FROM tokens WHERE 1 = 0`,
	`SELECT ` + tokenSelected + ` FROM credentials WHERE 1 = 0`,
}

// migration is one that may be under way. Only what is between BEGIN and COMMIT relies on
// being on one connection of the server: behind a pooler the rest may not be.
type migration struct {
	conn  *sql.Conn
	d     Dialect
	files fs.FS
	begin func(context.Context, *sql.Conn) error
	limit *time.Timer // ends the context
}

func (m *migration) run(ctx context.Context, db *sql.DB) (schema int64, err error) {
	names, err := migrationNames(m.files)
	if err != nil {
		return 0, err
	}
	if m.conn, err = db.Conn(ctx); err != nil {
		return 0, err
	}
	defer func() { _ = m.conn.Close() }() // back to the pool
	version, err := m.version(ctx, names)
	if errors.Is(err, ErrNewerSchema) {
		return 0, err
	}
	if err != nil || version < len(names) { // the table may not exist yet; other errors come again
		err = m.d.again(ctx, func() error { return m.apply(ctx, names) })
	}
	if err != nil {
		return 0, err
	}
	m.limit.Reset(startTimeout)
	for _, check := range checks {
		rows, err := m.conn.QueryContext(ctx, m.d.qualify(check))
		if err != nil {
			return 0, err
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return 0, err
		}
	}
	return int64(len(names)), nil
}

// apply runs the files that are missing, in a transaction.
func (m *migration) apply(ctx context.Context, names []string) (err error) {
	defer func() {
		if err != nil {
			m.abandon(ctx)
		}
	}()
	m.limit.Reset(startTimeout)
	if err := m.begin(ctx, m.conn); err != nil {
		return err
	}
	m.limit.Stop()
	if _, err := m.conn.ExecContext(ctx, m.d.qualify(createMigrations)); err != nil {
		return err
	}
	version, err := m.version(ctx, names)
	if err != nil {
		return err
	}
	for i, name := range names[version:] {
		text, err := fs.ReadFile(m.files, name)
		if err != nil {
			return err
		}
		if _, err := m.conn.ExecContext(ctx, m.d.rename(string(text))); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := m.conn.ExecContext(ctx, m.d.qualify(insertMigration), version+i+1, path.Base(name)); err != nil {
			return err
		}
	}
	_, err = m.conn.ExecContext(ctx, "COMMIT")
	return err
}

const (
	// startTimeout bounds the wait for a connection, for an answer, and for another process
	// that migrates.
	startTimeout   = 30 * time.Second
	abandonTimeout = 5 * time.Second
)

var errNotInTime = fmt.Errorf("no connection, or no lock, within %v: is another process migrating?", startTimeout)

// abandon ends the transaction, also when ctx is done, and keeps a connection on which
// that failed out of the pool.
func (m *migration) abandon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer cancel()
	if _, err := m.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		_ = m.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// version returns how many of the migrations were applied.
func (m *migration) version(ctx context.Context, names []string) (version int, err error) {
	err = m.conn.QueryRowContext(ctx, m.d.qualify(schemaVersion)).Scan(&version)
	if version > len(names) {
		return 0, fmt.Errorf("schema version %d, known up to %d: %w", version, len(names), ErrNewerSchema)
	}
	return version, err
}

// migrationNames returns the files in their order, each at the index one below
// its number.
func migrationNames(files fs.FS) ([]string, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s stands where number %d is due", name, i+1)
		}
	}
	return names, nil
}
