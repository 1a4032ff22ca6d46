//go:build !nosqlite

package main

import (
	"context"
	"log/slog"

	"myauth.internal/drivers/sqlite"
)

// openSQLite returns stores that count in memory, since one process has the file: each guess of a
// stranger would be a durable write otherwise.
func openSQLite(ctx context.Context, path string, _ *slog.Logger) (stores, error) {
	db, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return stores{}, err
	}
	return stores{Stores: db.Stores(), close: db.Close, transaction: db.Transaction}, nil
}
