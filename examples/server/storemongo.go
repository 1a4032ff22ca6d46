//go:build !nomongo

package main

import (
	"context"
	"log/slog"

	"myauth.internal/drivers/mongo"
)

func init() {
	storeKinds["mongodb"] = storeKind{"mongodb://app:secret@localhost/app", true, openMongo}
	storeKinds["mongodb+srv"] = storeKind{"mongodb+srv://app:secret@cluster.example.com/app", true, openMongo}
}

func openMongo(ctx context.Context, uri string, _ *slog.Logger) (stores, error) {
	db, err := mongo.Open(ctx, uri, nil)
	if err != nil {
		return stores{}, err
	}
	return overTokens(db.Stores(), db.Close), nil
}
