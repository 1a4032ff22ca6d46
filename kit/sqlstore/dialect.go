package sqlstore

import (
	"context"
	"database/sql"
)

// Dialect is what differs from one SQL database to another.
type Dialect struct {
	// Name is the prefix of the driver's errors, such as "sqlite".
	Name string
	// Begin opens the transaction of the migrations, such as BEGIN. Lock, if any,
	// is its first statement; when it runs, the table myauth_migrations exists and
	// has a row of version 0. Together they keep every other process that
	// migrates the same database waiting until the transaction ends.
	Begin, Lock string
	// Suits says what is wrong with a database that could not keep what a store is
	// given, and what to do about it; nil for databases that all can. It is asked
	// by each Migrate, also where nothing is to be done.
	Suits func(context.Context, *sql.Conn) error
	// Schema is the schema of the tables, quoted where it has to be, and
	// CurrentSchema a query for it that is asked where Schema is empty. A store finds
	// its tables there and nowhere else, whatever becomes of the search path of a
	// connection. Both are empty for a database that knows no schemas.
	Schema, CurrentSchema string
	// UseSchema is a statement, with %s for the schema, that makes the names in the
	// files of the migrations those of the schema until the transaction ends:
	// "SET LOCAL search_path TO %s, pg_temp". Empty: those names are found without it.
	UseSchema string
	// Prefix begins the names of the three tables and of their indexes: see
	// [CheckPrefix].
	Prefix string
	// Prepared says that a [Store] prepares its statements, which lasts until it
	// is closed. Otherwise it sends the text with each call, and the driver
	// decides how to run it. Prepare only where two things are certain: that no other
	// client can have a statement of the same name on the same connection of the
	// server, as it can behind a pooler; and that the driver never answers
	// [database/sql/driver.ErrBadConn] for a write that it has sent, since
	// database/sql would repeat it.
	Prepared bool
	// ByteOrder follows an expression that is to compare and sort byte by byte
	// where the columns do not do so by themselves, such as ` COLLATE "C"`.
	ByteOrder string
	// DeleteExpired removes at most $2 tokens with expires_at <= $1, and more than
	// that never, also while others do the same and more expired tokens come;
	// empty for a database with one writer at a time, where a plain subquery does.
	DeleteExpired string
	// MaxWriters bounds the writes that a Store has under way; the next one waits
	// for its turn, or for its context, without taking a connection. 0: no
	// bound. 1 suits a database with a single writer, where waiting inside it
	// would take the connections that readers need.
	MaxWriters int
	// AfterWrite, if any, is called after each write that succeeded, by its caller and
	// with its context, when the turn has gone to the next writer: for what the
	// database has to do from time to time and nobody else need wait for.
	AfterWrite func(context.Context, *sql.DB)
	// Classify says what an error of the database means.
	Classify func(error) Class
}

// Class is what an error of a database means to a store.
type Class struct {
	Kind Kind
	// Advice says what a person can do about it, if anything is known: a few
	// words in lower case, without values.
	Advice string
}

// Kind is the part of a [Class] that programs branch on.
type Kind int

// The kinds of errors.
const (
	// Unexpected is a fault of the schema or of a statement: a bug.
	Unexpected Kind = iota
	// Duplicate: a unique key is taken.
	Duplicate
	// Unavailable: the data cannot be reached, or not now. It becomes
	// kit.ErrUnavailable.
	Unavailable
	// Retry: the statement did nothing, because it met another one, and can run
	// again. It does, a few times.
	Retry
	// Unstorable: a text is not of the form that the database can hold, so
	// nothing with it can be there.
	Unstorable
)
