package postgres

import (
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"myauth.internal/kit/sqlstore"
)

// What each code means, of those that a test cannot easily get a server to answer too.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func TestClassOf(t *testing.T) {
	for code, want := range map[string]sqlstore.Kind{
		"23505": sqlstore.Duplicate,  // unique_violation
		"42P07": sqlstore.Unexpected, // duplicate_table
		"42710": sqlstore.Unexpected, // duplicate_object
		"42P06": sqlstore.Duplicate,  // duplicate_schema

		"40001": sqlstore.Retry, // serialization_failure
		"40P01": sqlstore.Retry, // deadlock_detected
		"26000": sqlstore.Retry, // invalid_sql_statement_name
		"42P05": sqlstore.Retry, // duplicate_prepared_statement
		"0A000": sqlstore.Retry, // feature_not_supported: the plan of a prepared statement

		"22021": sqlstore.Unstorable, // character_not_in_repertoire
		"22P05": sqlstore.Unstorable, // untranslatable_character

		"08000": sqlstore.Unavailable, // connection_exception
		"08006": sqlstore.Unavailable, // connection_failure
		"25006": sqlstore.Unavailable, // read_only_sql_transaction
		"28000": sqlstore.Unavailable, // invalid_authorization_specification
		"28P01": sqlstore.Unavailable, // invalid_password
		"3D000": sqlstore.Unavailable, // invalid_catalog_name
		"40003": sqlstore.Unavailable, // statement_completion_unknown
		"42501": sqlstore.Unavailable, // insufficient_privilege
		"42704": sqlstore.Unavailable, // undefined_object: a parameter of the URL
		"53000": sqlstore.Unavailable, // insufficient_resources
		"53100": sqlstore.Unavailable, // disk_full
		"53200": sqlstore.Unavailable, // out_of_memory
		"53300": sqlstore.Unavailable, // too_many_connections
		"55P03": sqlstore.Unavailable, // lock_not_available
		"57014": sqlstore.Unavailable, // query_canceled
		"57P01": sqlstore.Unavailable, // admin_shutdown
		"57P03": sqlstore.Unavailable, // cannot_connect_now
		"58000": sqlstore.Unavailable, // system_error
		"58030": sqlstore.Unavailable, // io_error
		"25P04": sqlstore.Unavailable, // transaction_timeout
		"XX000": sqlstore.Unavailable, // internal_error: Supavisor's code for all that it refuses
		"XX001": sqlstore.Unavailable, // data_corrupted
		"XX002": sqlstore.Unavailable, // index_corrupted

		"":      sqlstore.Unexpected,
		"40002": sqlstore.Unexpected,  // transaction_integrity_constraint_violation
		"23502": sqlstore.Unexpected,  // not_null_violation
		"3F000": sqlstore.Unavailable, // invalid_schema_name
		"42601": sqlstore.Unexpected,  // syntax_error
		"42P01": sqlstore.Unavailable, // undefined_table
		"42703": sqlstore.Unexpected,  // undefined_column
		"55000": sqlstore.Unexpected,  // object_not_in_prerequisite_state
	} {
		if got := classOf(code).kind; got != want {
			t.Errorf("code %q is of kind %d, want %d", code, got, want)
		}
	}
}

// Whatever the code, a server that refuses or ends a connection cannot be reached.
func TestNoConnection(t *testing.T) {
	for _, code := range []pqerror.Code{
		"55000", // object_not_in_prerequisite_state: ALTER DATABASE … ALLOW_CONNECTIONS false
		"22023", // invalid_parameter_value, in the URL
		"0A000", // feature_not_supported: a version of the protocol
		"XX000", // Supavisor: tenant or user not found
	} {
		refused := &pq.Error{Severity: "FATAL", Code: code}
		for _, err := range []error{&noConnection{refused}, (&conn{link: new(link)}).check(refused)} {
			if got, _ := classify(err); got != sqlstore.Unavailable {
				t.Errorf("code %s is of kind %d, want Unavailable", code, got)
			}
		}
	}
	if _, got := classify(&noConnection{&pq.Error{Code: "28P01"}}); !strings.Contains(got, "password") {
		t.Errorf("the advice for a wrong password is %q", got)
	}
}
