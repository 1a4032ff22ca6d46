//go:build !noredis

package main

import (
	"context"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/drivers/redis"
)

func init() {
	storeKinds["redis"] = storeKind{"redis://:secret@localhost:6379/0", false, openRedis}
	storeKinds["rediss"] = storeKind{"rediss://:secret@redis.example.com:6379/0", false, openRedis}
}

// quiet keeps go-redis from writing to standard error in a form of its own; what it
// has to say is in the errors.
type quiet struct{}

// Printf is what go-redis logs by.
func (quiet) Printf(context.Context, string, ...any) {}

func openRedis(ctx context.Context, url string, logger *slog.Logger) (stores, error) {
	goredis.SetLogger(quiet{}) // of the whole process, which is this program's to set
	db, err := redis.Open(ctx, url, &redis.Options{Logger: logger})
	if err != nil {
		return stores{}, err
	}
	return stores{Stores: db.Stores(), buckets: db.Buckets(), close: db.Close}, nil
}
