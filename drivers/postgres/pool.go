package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"myauth.internal/kit/sqlstore"
)

// checkPool refuses a pool whose driver cannot keep what a store promises. It goes by
// what the driver does, and not by what it is called: many are wrapped in others,
// for tracing say.
func checkPool(ctx context.Context, db *sql.DB) error {
	libpq := false
	err := inTransaction(ctx, db, func(tx *sql.Tx) error {
		named, err := namesStatements(ctx, tx)
		if err != nil {
			return err
		}
		if named {
			return unsuitable(db, "numbers its prepared statements, so behind a pooler a call may run another client's statement")
		}
		_, err = tx.ExecContext(ctx, "SELECT 'MyAuth asks how the driver of its pool reports this error'::int")
		libpq = errors.As(err, new(*pq.Error))
		var state interface{ SQLState() string }
		switch isState := errors.As(err, &state); {
		case isState && state.SQLState() == "22P02": // invalid_text_representation
			return nil
		case isState, err != nil && classify(err).Kind == sqlstore.Unavailable:
			return err
		}
		return unsuitable(db, "reports errors without their SQLSTATE")
	})
	if err != nil || !libpq {
		return err
	}
	return inTransaction(ctx, db, func(tx *sql.Tx) error { return checkLibpq(ctx, db, tx) })
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

// namesStatements reports whether the driver gives the statement that it is asked for a
// name that is too short to be a digest of it, or random.
func namesStatements(ctx context.Context, tx *sql.Tx) (bool, error) {
	const query = "SELECT coalesce(max(name), '') FROM pg_prepared_statements WHERE statement = $1"
	var name string
	if err := tx.QueryRowContext(ctx, query, query).Scan(&name); err != nil {
		return false, err
	}
	return name != "" && len(name) < 20, nil
}

// checkLibpq refuses a pool of lib/pq that sends a statement and its arguments apart:
// behind a pooler the second message may meet the statement of another client. With
// binary_parameters=yes they go together, and a []byte is a number in binary form.
func checkLibpq(ctx context.Context, db *sql.DB, tx *sql.Tx) error {
	const five = "00000005" // as text
	var number int64
	if err := tx.QueryRowContext(ctx, "SELECT $1::bigint", []byte(five)).Scan(&number); err != nil {
		return err
	}
	if number == 5 {
		return unsuitable(db, "sends a statement and its arguments apart, so behind a pooler a call may run another client's statement: add binary_parameters=yes to its data source")
	}
	return nil
}

func unsuitable(db *sql.DB, why string) error {
	return fmt.Errorf("the pool's driver %T does not suit, since it %s: make the pool with postgres.NewConnector, or with pgx", db.Driver(), why)
}
