package postgres

import (
	"context"
	"database/sql"
	"io/fs"

	"myauth.internal/kit/sqlstore"
)

// Pool returns the pool of a store that Open made, for tests that look inside or
// run the same statements beside it.
func Pool(s *Store) *sql.DB { return s.own }

// Statements are the texts that the store runs, without a schema.
func Statements() []string { return sqlstore.Statements(dialect) }

// Migrate migrates with other files.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS) error {
	_, err := migrate(ctx, db, dialect, files)
	return err
}

// Migrations are the driver's files.
var Migrations = migrations

// IdleCheck is the age from which an idle connection is tried.
const IdleCheck = idleCheck

// CancelGrace is how long the server has to confirm that it canceled a statement.
const CancelGrace = cancelGrace

// Unwatch lets lib/pq not notice when contexts end for which the connection runs a prepared statement.
func Unwatch(connection any) { connection.(*conn).watch.cancel = func() {} }
