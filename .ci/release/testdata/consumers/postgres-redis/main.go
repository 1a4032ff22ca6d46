// An application with its users in PostgreSQL and its tokens in Redis.
package main

import (
	"context"
	"os"

	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
)

func main() {
	ctx := context.Background()
	users, err := postgres.Open(ctx, os.Getenv("POSTGRES_URL"), nil)
	check(err)
	defer users.Close()
	tokens, err := redis.Open(ctx, os.Getenv("REDIS_URL"), nil)
	check(err)
	defer tokens.Close()
	stores := users.Stores()
	stores.Tokens = tokens.Tokens()
	live(stores)
}
