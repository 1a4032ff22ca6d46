package postgres

import (
	"context"
	"database/sql"
	"strings"
	"unicode/utf8"
)

// transaction runs statements in a transaction of the caller. What the server cannot store, it
// refuses by an error, with which the transaction would fail: so that is not sent.
type transaction struct{ tx *sql.Tx }

// QueryContext implements [sqlstore.Runner].
func (t transaction) QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	if err := storable(args); err != nil {
		return nil, err
	}
	return t.tx.QueryContext(ctx, statement, args...)
}

// ExecContext implements [sqlstore.Runner].
func (t transaction) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	if err := storable(args); err != nil {
		return nil, err
	}
	return t.tx.ExecContext(ctx, statement, args...)
}

func storable(args []any) error {
	for _, arg := range args {
		if text, ok := arg.(string); ok && (!utf8.ValidString(text) || strings.Contains(text, "\x00")) {
			return unstorable{}
		}
	}
	return nil
}

// unstorable is the server's error for a text that is not UTF-8, or has U+0000 in it.
type unstorable struct{}

func (unstorable) Error() string    { return "a text has U+0000 in it, or is not UTF-8" }
func (unstorable) SQLState() string { return "22021" } // character_not_in_repertoire
