package postgres

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"strings"

	"github.com/lib/pq"

	"myauth.internal/kit/sqlstore"
)

const foreignTable = "the schema has a table, index or type of this name that is not MyAuth's: give MyAuth a schema of its own by Options.Schema, or search_path=auth in the URL, or set Options.Prefix"

// noConnection is any error of connecting, or of a connection that broke: the data
// cannot be reached, whatever it is. It may be that the only server takes no writes, a
// certificate that has expired, or an error that only the author of Options.Dial knows.
type noConnection struct{ err error }

func (e *noConnection) Error() string { return e.err.Error() }
func (e *noConnection) Unwrap() error { return e.err }

// classify sorts the codes of SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html), whichever driver they
// come from, and takes what has none for a fault of the network. Where there is no
// connection, the code says no more than what to do: poolers have codes of their own.
func classify(err error) (sqlstore.Kind, string) {
	unreachable := errors.As(err, new(*noConnection))
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		c := classOf(state.SQLState())
		if unreachable {
			c.kind = sqlstore.Unavailable
		}
		return c.kind, c.advice
	}
	switch {
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return sqlstore.Unavailable, "name the authority that signed the server's certificate by sslrootcert=FILE; sslmode=require encrypts and does not check who answers"
	case errors.Is(err, pq.ErrSSLNotSupported):
		return sqlstore.Unavailable, "let the server use TLS, or write sslmode=disable, which sends the password and everything else in clear"
	case unreachable, errors.As(err, new(net.Error)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		strings.HasPrefix(err.Error(), pgxConnect):
		return sqlstore.Unavailable, ""
	}
	return sqlstore.Unexpected, ""
}

// pgxConnect begins the text of what pgx says of a connection that it could not make:
// there is nothing else to know it by where pgx is not linked.
const pgxConnect = "failed to connect to `"

type class struct {
	kind   sqlstore.Kind
	advice string
}

// classOf goes by the code, or else by its first two characters.
func classOf(code string) class {
	if c, ok := codes[code]; ok || len(code) != 5 {
		return c
	}
	return codes[code[:2]]
}

// pooled: the server does not know a prepared statement, or knows another one of that
// name, or its result is of another type now. Nothing was done. A pool of a connector
// does not come to this, since it then prepares no more.
var pooled = class{sqlstore.Retry, "a pooler in front of the server does not keep prepared statements: let the driver use none (pgx: default_query_exec_mode=exec)"}

func unavailable(advice string) class { return class{sqlstore.Unavailable, advice} }

// codes are those that mean something to a store, and after them whole classes of
// codes, by their first two characters.
var codes = map[string]class{
	"23505": {sqlstore.Duplicate, ""},            // unique_violation
	"42P06": {sqlstore.Duplicate, ""},            // duplicate_schema
	"40001": {sqlstore.Retry, ""},                // serialization_failure
	"40P01": {sqlstore.Retry, ""},                // deadlock_detected
	"42P07": {sqlstore.Unexpected, foreignTable}, // duplicate_table
	"42710": {sqlstore.Unexpected, foreignTable}, // duplicate_object: a type
	"42703": {sqlstore.Unexpected, foreignTable}, // undefined_column
	"42809": {sqlstore.Unexpected, foreignTable}, // wrong_object_type
	"22021": {sqlstore.Unstorable, ""},           // character_not_in_repertoire: U+0000, or no UTF-8
	"22P05": {sqlstore.Unstorable, ""},           // untranslatable_character
	"26000": pooled,                              // invalid_sql_statement_name
	"42P05": pooled,                              // duplicate_prepared_statement
	"0A000": pooled,                              // feature_not_supported: a cached plan

	"40003": unavailable(""), // statement_completion_unknown: CockroachDB's ambiguous commit
	"25P02": unavailable("an earlier statement of the transaction failed: roll it back"),
	"25P04": unavailable("the server ended the transaction: transaction_timeout"),
	"25006": unavailable("this server takes no writes: name the primary, or all servers with target_session_attrs=read-write"),
	"42501": unavailable("grant this user the rights on its tables, and CREATE on the schema for migrations"),
	"42P01": unavailable("the tables are gone: was the schema dropped, or search_path changed?"),
	"42704": unavailable("drop this parameter from the URL (for schema set Options.Schema, for the size of a pool Options.MaxConns)"), // undefined_object
	"08P01": unavailable("if a pooler refuses a parameter of the URL, drop it (in place of search_path, set Options.Schema)"),
	"3F000": unavailable("create the schema that search_path names"),
	"53100": unavailable("the disk of the server is full"),
	"53300": unavailable("the server has no connection left: raise max_connections, or lower MaxConns"),
	"55P03": unavailable("another transaction keeps the row locked"),
	"57014": unavailable("the statement was canceled, by statement_timeout or by an administrator"),
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
