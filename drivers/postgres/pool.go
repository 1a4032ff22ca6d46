package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"myauth.internal/kit/sqlstore"
)

// checkPool refuses a pool whose driver cannot keep what a store promises. It goes by
// what the driver does, and not by what it is called: many are wrapped in others,
// for tracing say.
func checkPool(ctx context.Context, db *sql.DB) error {
	name := ""
	err := inTransaction(ctx, db, func(tx *sql.Tx) (err error) {
		if name, err = nameOfStatement(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "SELECT 'MyAuth asks how the driver of its pool reports this error'::int")
		var state interface{ SQLState() string }
		switch isState := errors.As(err, &state); {
		case isState && state.SQLState() == "22P02": // invalid_text_representation
			return nil
		case isState, err != nil && classify(err).Kind == sqlstore.Unavailable:
			return err
		}
		return unsuitable(db, "reports errors without their SQLSTATE")
	})
	switch {
	case err != nil:
		return err
	case len(name) >= 19: // a digest of the statement, or random: see unique
		return nil
	case name != "":
		return unsuitable(db, "numbers its prepared statements, so behind a pooler a call may run another client's statement")
	}
	apart, err := sendsApart(ctx, db)
	if err == nil && apart {
		return unsuitable(db, "sends a statement and its arguments apart, so behind a pooler a call may run another client's statement: "+
			"add binary_parameters=yes to a data source of lib/pq, default_query_exec_mode=exec to one of pgx")
	}
	return err
}

// inTransaction runs f, which changes nothing, in a transaction: it stays on one
// connection of the server, as a driver may need it that is refused.
func inTransaction(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = f(tx)
	_ = tx.Rollback()
	return err
}

// nameOfStatement returns the name that the driver gives the statement that it is asked
// for, if any. Behind a pooler the server has statements of other clients too, so the
// text is one that no other has.
func nameOfStatement(ctx context.Context, tx *sql.Tx) (name string, err error) {
	mark := rand.Text()
	query := "SELECT coalesce(max(name), '') FROM pg_prepared_statements WHERE position($1 in statement) > 0 AND '" + mark + "' <> ''"
	err = tx.QueryRowContext(ctx, query, mark).Scan(&name)
	return name, err
}

// sendsApart reports whether a driver that names no statements sends one and its
// arguments in two messages: behind a pooler the second may meet the statement of another
// client. The word now is read with the statement, and now() with the arguments, which
// outside a transaction is in another one. With as many arguments as hardly another
// statement has, the server refuses them where they meet it.
func sendsApart(ctx context.Context, db *sql.DB) (apart bool, err error) {
	var list strings.Builder
	arguments := make([]any, 40)
	for i := range arguments {
		arguments[i] = ""
		fmt.Fprintf(&list, " || $%d::text", i+1)
	}
	err = db.QueryRowContext(ctx, "SELECT 'now'::timestamptz <> now() OR ''"+list.String()+" <> ''", arguments...).Scan(&apart)
	return apart, err
}

func unsuitable(db *sql.DB, why string) error {
	return fmt.Errorf("the pool's driver %T does not suit, since it %s: make the pool with postgres.NewConnector, or with pgx", db.Driver(), why)
}
