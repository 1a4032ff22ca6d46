package sqlstore

import (
	"context"
	"database/sql"

	"myauth.internal/kit"
)

// Transaction runs do in a transaction of the pool, with the stores that in makes of it, and commits
// it if do returns nil. The error of do is returned as it is.
func (d Dialect) Transaction(ctx context.Context, db *sql.DB, opts *sql.TxOptions, in func(*sql.Tx) kit.Stores, do func(kit.Stores) error) error {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return d.Explain(ctx, "begin a transaction", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := do(in(tx)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return d.Explain(ctx, "commit", err)
	}
	return nil
}
