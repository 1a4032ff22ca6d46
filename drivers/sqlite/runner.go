package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"myauth.internal/kit/sqlstore"
)

// runner runs the store's statements, which are prepared on the pool.
type runner struct {
	stmts map[string]*sql.Stmt
	*writes
}

// newRunner prepares the statements. The pool prepares them again on each of its
// connections when they are first used there.
func newRunner(ctx context.Context, db *sql.DB, d sqlstore.Dialect) (*runner, error) {
	r := &runner{make(map[string]*sql.Stmt), &writes{db: db, turn: make(chan struct{}, 1)}}
	for _, text := range sqlstore.Statements(d) {
		stmt, err := db.PrepareContext(ctx, text)
		if err != nil {
			return nil, errors.Join(d.Explain(ctx, "prepare the statements", err), r.close())
		}
		r.stmts[text] = stmt
	}
	return r, nil
}

// QueryContext implements [sqlstore.Runner].
func (r *runner) QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	return r.stmts[statement].QueryContext(ctx, args...)
}

// ExecContext implements [sqlstore.Runner].
func (r *runner) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	return r.exec(ctx, r.stmts[statement], args)
}

// txRunner runs the same statements in a transaction of the caller. A write does not queue behind
// those of the store: the first of them may be waiting for this very transaction.
type txRunner struct {
	*runner
	tx *sql.Tx
}

// QueryContext implements [sqlstore.Runner].
func (r txRunner) QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	return r.tx.StmtContext(ctx, r.stmts[statement]).QueryContext(ctx, args...)
}

// ExecContext implements [sqlstore.Runner].
func (r txRunner) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	return r.tx.StmtContext(ctx, r.stmts[statement]).ExecContext(ctx, args...)
}

// rollback ends the transaction after an error, since with many of them SQLite has already, also
// when a read fails (https://sqlite.org/lang_transaction.html). What the caller writes then would be
// committed statement by statement, so package sql has to know.
func (r txRunner) rollback() { _ = r.tx.Rollback() }

func (r *runner) close() error {
	var errs []error
	for _, stmt := range r.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}
