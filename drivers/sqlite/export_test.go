package sqlite

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
func Statements() []string {
	d := new(Options).dialect()
	d.Schema = ""
	return sqlstore.Statements(d)
}

// Migrate migrates with other files.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS) error {
	_, err := migrate(ctx, db, new(Options).dialect(), files)
	return err
}

// Migrations are the driver's files.
var Migrations = migrations

// Waiting is how many writes wait for one that is running.
func Waiting(s *Store) int {
	q := s.runner.writes
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}
