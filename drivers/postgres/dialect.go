package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/lib/pq"

	"myauth.internal/kit/sqlstore"
)

// dialect has no advisory locks and no columns with the collation "C", which
// CockroachDB does not know; the README says what else it lacks. Concurrent purges take their rows in the order of one index,
// so that they do not deadlock, and the array is made once, unlike a subquery,
// which a plan may run again and with other rows.
var dialect = sqlstore.Dialect{
	Name: "postgres",
	// A level that takes its snapshot before it waits for a lock would not see
	// what the one before it did under the lock.
	Begin:     "BEGIN ISOLATION LEVEL READ COMMITTED",
	Lock:      "SELECT version FROM myauth_migrations WHERE version = 0 FOR UPDATE",
	Suits:     suits,
	Schema:    "SELECT coalesce(quote_ident(current_schema()), '')",
	ByteOrder: ` COLLATE "C"`,
	DeleteExpired: `DELETE FROM tokens WHERE id = ANY (ARRAY(` +
		`SELECT id FROM tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE))`,
	Classify: classify,
}

// suits refuses a database that cannot hold every text. Its encoding was chosen when
// it was made, often by the locale of the machine, and nobody sees it until the
// first name in another script.
func suits(ctx context.Context, conn *sql.Conn) error {
	var encoding string
	if err := conn.QueryRowContext(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the encoding of the database is %s, which cannot hold every name: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// foreignTable is for a migration; where several processes start at once, nobody
// reads it.
const foreignTable = "the schema has a table of this name that is not MyAuth's: make a schema for MyAuth, CREATE SCHEMA auth, and put search_path=auth into the data source"

// classify sorts the codes of SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html), and takes what
// has none for a fault of the network.
func classify(err error) sqlstore.Class {
	var e *pq.Error
	if errors.As(err, &e) {
		if e.Code == "0A000" && e.Routine == "RevalidateCachedQuery" {
			return staleStatement
		}
		return classOf(string(e.Code))
	}
	var network net.Error
	switch {
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return sqlstore.Class{Kind: sqlstore.Unavailable}
	case errors.Is(err, pq.ErrSSLNotSupported):
		return sqlstore.Class{Kind: sqlstore.Unavailable, Advice: "let the server use TLS, or say sslmode=disable"}
	case errors.As(err, new(*noConnection)):
		return sqlstore.Class{Kind: sqlstore.Unavailable}
	}
	return sqlstore.Class{}
}

func classOf(code string) sqlstore.Class {
	if class, ok := codes[code]; ok {
		return class
	}
	if len(code) == 5 {
		if class, ok := codes[code[:2]]; ok {
			return class
		}
	}
	return sqlstore.Class{}
}

// staleStatement: the server no longer knows a prepared statement, or its result is of
// another type now. Nothing was done, and the next attempt prepares it anew: the
// connection, if [NewConnector] made it, is out of the pool.
var staleStatement = sqlstore.Class{Kind: sqlstore.Retry, Advice: "the server forgot a prepared statement: a pooler in front of it has to keep them"}

func unavailable(advice string) sqlstore.Class {
	return sqlstore.Class{Kind: sqlstore.Unavailable, Advice: advice}
}

// codes are those that mean something to a store, and after them whole classes of
// codes, by their first two characters.
var codes = map[string]sqlstore.Class{
	"23505": {Kind: sqlstore.Duplicate},                       // unique_violation
	"42P07": {Kind: sqlstore.Duplicate, Advice: foreignTable}, // duplicate_table: two processes make it at once
	"42710": {Kind: sqlstore.Duplicate},                       // duplicate_object: its row type
	"40001": {Kind: sqlstore.Retry},                           // serialization_failure
	"40P01": {Kind: sqlstore.Retry},                           // deadlock_detected
	"26000": staleStatement,                                   // invalid_sql_statement_name
	"22021": {Kind: sqlstore.Unstorable},                      // character_not_in_repertoire: U+0000, or no UTF-8

	"22P05": {Kind: sqlstore.Unstorable}, // untranslatable_character: the database's encoding is not UTF8

	"40003": unavailable(""), // statement_completion_unknown: CockroachDB's ambiguous commit
	"25006": unavailable("this server takes no writes: name the primary, or all servers with target_session_attrs=read-write"),
	"42501": {Advice: "grant this user the rights on its tables, and CREATE on the schema for migrations"},
	"42P01": {Advice: "the tables are gone: was the schema dropped, or search_path changed?"},
	"3F000": {Advice: "create the schema that search_path names"},
	"53100": unavailable("the disk of the server is full"),
	"53300": unavailable("the server has no connection left: raise max_connections, or lower MaxConns"),
	"55P03": unavailable("another transaction keeps the row locked"),
	"57014": unavailable("the server ended the statement: statement_timeout, or somebody did"),
	"28P01": unavailable("check user and password"),
	"3D000": unavailable("create the database, or name another"),

	"08": unavailable(""), // connection exceptions
	"28": unavailable("check user, password and pg_hba.conf"),
	"53": unavailable("the server has too little of something"),
	"57": unavailable("the server is starting, stopping, or ended the connection"),
	"58": unavailable("the server cannot read or write its files"),

	"XX001": unavailable("a table is damaged: restore the database from a backup"), // data_corrupted
	"XX002": unavailable("an index is damaged: REINDEX, and find out why"),         // index_corrupted
}
