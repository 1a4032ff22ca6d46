//go:build !noredis

package main

import (
	"context"
	"log/slog"

	"github.com/redis/go-redis/v9/logging"

	"myauth.internal/drivers/redis"
)

func openRedis(ctx context.Context, url string, logger *slog.Logger) (stores, error) {
	// go-redis writes to standard error in a form of its own, and what it has to say is in the errors.
	logging.Disable()
	db, err := redis.Open(ctx, url, &redis.Options{Logger: logger})
	if err != nil {
		return stores{}, err
	}
	return stores{Stores: db.Stores(), buckets: db.Buckets(), close: db.Close}, nil
}
