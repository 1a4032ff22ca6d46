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

// foreignPool runs statements on a pool of another driver.
type foreignPool struct{ *sql.DB }

// ExecContext implements [sqlstore.Runner]. It sends a statement once, on a connection
// that it holds. When a connection of a pool breaks, package sql runs the statement again
// on another one; the first run may have had its effect, and the second would report a
// conflict of the caller with itself.
func (p foreignPool) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	conn, err := p.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // back to the pool
	return conn.ExecContext(ctx, statement, args...)
}

// checkPool refuses a pool whose driver cannot keep what a store promises. It goes by
// what the driver does, and not by what it is called: many are wrapped in others,
// for tracing, for example.
func checkPool(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "SELECT 'MyAuth asks how the driver of its pool reports this error'::int")
	var state interface{ SQLState() string }
	switch isState := errors.As(err, &state); {
	case isState && state.SQLState() == "22P02": // invalid_text_representation
	case isState:
		return err
	default:
		if err != nil {
			if kind, _ := classify(err); kind == sqlstore.Unavailable {
				return err
			}
		}
		return unsuitable(db, "reports errors without their SQLSTATE")
	}
	name, err := statementName(ctx, db)
	if err != nil || len(name) >= 19 { // a digest of the statement, or random: see randomNames
		return err
	}
	apart, err := sendsApart(ctx, db)
	if err == nil && apart {
		err = unsuitable(db, "sends a statement and its arguments apart, so behind a pooler a call may run another client's statement: "+
			"add binary_parameters=yes to a data source of lib/pq, default_query_exec_mode=exec to one of pgx")
	}
	return err
}

// statementName returns the name that the driver gives the statement that it is asked
// for, if any. Behind a pooler the server has statements of other clients too, so the
// text is one that no other has; and a driver that is refused may need the transaction,
// which keeps it on one connection of the server.
func statementName(ctx context.Context, db *sql.DB) (name string, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback() }()
	mark := rand.Text()
	query := "SELECT coalesce(max(name), '') FROM pg_prepared_statements WHERE position($1 in statement) > 0 AND '" + mark + "' <> ''"
	return name, tx.QueryRowContext(ctx, query, mark).Scan(&name)
}

// sendsApart reports whether a driver sends a statement and its arguments in two
// messages: behind a pooler the second may meet the statement of another client. The word
// now is read with the statement, and now() with the arguments, which outside a
// transaction is in another one. The arguments are as many as hardly another statement
// has, so the server refuses them where they meet it.
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
