package sqlite

import (
	"database/sql"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"myauth.internal/kit/sqlstore"
)

// Pool returns the pool of a store that Open made, for tests that look inside or
// run the same statements beside it.
func Pool(s *Store) *sql.DB { return s.own }

// Statements are the texts that the store runs.
func Statements() []string { return sqlstore.Statements(dialect) }

// Dialect is the driver's own, to migrate with other files.
var Dialect = dialect

// Migrations are the driver's files.
var Migrations = migrations()

// CommitsOnly is a pool as Open makes it, without the checkpoints between the writes.
func CommitsOnly(path string) (*sql.DB, error) {
	log := newCheckpoints()
	return driver.Open(dataSource(path), func(c *sqlite3.Conn) error { return configure(c, path, time.Second, log) })
}

// The bounds of the log, in pages.
const (
	CheckpointPages = checkpointPages
	MostLogPages    = mostLogPages
)
