//go:build !nopostgres

package main

import (
	"context"
	"log/slog"

	"myauth.internal/drivers/postgres"
)

func openPostgres(ctx context.Context, url string, _ *slog.Logger) (stores, error) {
	db, err := postgres.Open(ctx, url, nil)
	if err != nil {
		return stores{}, err
	}
	all := overTokens(db.Stores(), db.Close)
	all.transaction = db.Transaction
	return all, nil
}
