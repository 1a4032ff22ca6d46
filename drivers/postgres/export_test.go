package postgres

import (
	"database/sql"

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

// IdleCheck is the age from which an idle connection is tried.
const IdleCheck = idleCheck

// CancelGrace is how long the server has to confirm that it canceled a statement.
const CancelGrace = cancelGrace
