//go:build !nomongo

package main

import (
	"context"
	"log/slog"

	"myauth.internal/drivers/mongo"
)

func openMongo(ctx context.Context, uri string, _ *slog.Logger) (stores, error) {
	db, err := mongo.Open(ctx, uri, nil)
	if err != nil {
		return stores{}, err
	}
	return overTokens(db.Stores(), db.Close), nil
}
