package postgres

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

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
	Begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
	Lock:  "SELECT version FROM myauth_migrations WHERE version = 0 FOR UPDATE",
	Suits: suits,
	// Not the search_path that somebody has set on this connection, but the one that it
	// began with: behind a pooler it was another client's before.
	CurrentSchema: "WITH began AS MATERIALIZED (" +
		"SELECT set_config('search_path', reset_val, true) FROM pg_settings WHERE name = 'search_path') " +
		"SELECT coalesce(quote_ident(current_schema()), '') FROM began",
	UseSchema: "SET LOCAL search_path TO %s, pg_temp", // which comes first where it is not named
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

// makeSchema makes the schema, of that name, where it is missing.
func makeSchema(ctx context.Context, conn *sql.Conn, name string) error {
	var there bool
	err := conn.QueryRowContext(ctx, "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = "+pq.QuoteLiteral(name)).Scan(&there)
	if err != nil || there {
		return err
	}
	_, err = conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pq.QuoteIdentifier(name))
	if err != nil && classify(err).Kind == sqlstore.Duplicate { // another process was first
		return nil
	}
	return err
}

// foreignTable is for a migration; where several processes start at once, nobody
// reads it.
const foreignTable = "the schema has a table, index or type of this name that is not MyAuth's: give MyAuth a schema of its own by Options.Schema, or search_path=auth in the URL, or set Options.Prefix"

// classify sorts the codes of SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html), which are not of
// one driver, and takes what has none for a fault of the network. Where there is no
// connection, the code says no more than what to do: poolers have their own.
func classify(err error) sqlstore.Class {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		class := classOf(state.SQLState())
		if errors.As(err, new(*noConnection)) {
			class.Kind = sqlstore.Unavailable
		}
		return class
	}
	var network net.Error
	switch {
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return unavailable("name the authority that signed the server's certificate by sslrootcert=FILE; sslmode=require encrypts and does not ask who answers")
	case errors.Is(err, pq.ErrSSLNotSupported):
		return unavailable("let the server use TLS, or say sslmode=disable, which sends the password and everything else in clear")
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, new(*noConnection)), strings.HasPrefix(err.Error(), pgxConnect):
		return sqlstore.Class{Kind: sqlstore.Unavailable}
	}
	return sqlstore.Class{}
}

// pgxConnect begins the text of what pgx says of a connection that it could not make:
// there is nothing else to know it by where pgx is not linked.
const pgxConnect = "failed to connect to `"

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

// pooled: the server does not know a prepared statement, or knows another one of that
// name, or its result is of another type now. Nothing was done. A pool of a connector
// does not come to this, since it then prepares no more.
var pooled = sqlstore.Class{Kind: sqlstore.Retry, Advice: "a pooler in front of the server does not keep prepared statements: let the driver use none (pgx: default_query_exec_mode=exec)"}

func unavailable(advice string) sqlstore.Class {
	return sqlstore.Class{Kind: sqlstore.Unavailable, Advice: advice}
}

// codes are those that mean something to a store, and after them whole classes of
// codes, by their first two characters.
var codes = map[string]sqlstore.Class{
	"23505": {Kind: sqlstore.Duplicate},                       // unique_violation
	"42P07": {Kind: sqlstore.Duplicate, Advice: foreignTable}, // duplicate_table: two processes make it at once
	"42710": {Kind: sqlstore.Duplicate, Advice: foreignTable}, // duplicate_object: its row type
	"42P06": {Kind: sqlstore.Duplicate},                       // duplicate_schema
	"40001": {Kind: sqlstore.Retry},                           // serialization_failure
	"40P01": {Kind: sqlstore.Retry},                           // deadlock_detected
	"26000": pooled,                                           // invalid_sql_statement_name
	"42P05": pooled,                                           // duplicate_prepared_statement
	"0A000": pooled,                                           // feature_not_supported: a cached plan
	"22021": {Kind: sqlstore.Unstorable},                      // character_not_in_repertoire: U+0000, or no UTF-8

	"22P05": {Kind: sqlstore.Unstorable}, // untranslatable_character: the database's encoding is not UTF8

	"40003": unavailable(""), // statement_completion_unknown: CockroachDB's ambiguous commit
	"25P04": unavailable("the server ended the transaction: transaction_timeout"),
	"25006": unavailable("this server takes no writes: name the primary, or all servers with target_session_attrs=read-write"),
	"42501": unavailable("grant this user the rights on its tables, and CREATE on the schema for migrations"),
	"42P01": {Advice: "the tables are gone: was the schema dropped, or search_path changed?"},
	"42703": {Advice: "the table is not MyAuth's: set Options.Schema or Options.Prefix"}, // undefined_column
	"42704": unavailable("drop this parameter from the URL"),                             // undefined_object
	"08P01": unavailable("if a pooler refuses a parameter of the URL, drop it (in place of search_path, set Options.Schema)"),
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
	"XX": unavailable("the server, or a pooler in front of it, has a fault: look at its log"),

	"XX001": unavailable("a table is damaged: restore the database from a backup"), // data_corrupted
	"XX002": unavailable("an index is damaged: REINDEX, and find out why"),         // index_corrupted
}
