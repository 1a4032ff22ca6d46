package redis_test

import (
	"context"
	"log"
	"os"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/throttle"
)

// Open owns its client. The three stores go into kit.New.
func ExampleOpen() {
	store, err := redis.Open(context.Background(), os.Getenv("REDIS_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	keys, err := accesstoken.HMAC([]byte(os.Getenv("JWT_SECRET")))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close(context.Background())
}

// A cluster is one of its nodes or more; the client finds the others.
func ExampleOpen_cluster() {
	store, err := redis.Open(context.Background(), "redis://node1:6379?cluster=true&addr=node2:6379", &redis.Options{Prefix: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
}

// Instances that share a Redis count guesses together.
func ExampleStore_Buckets() {
	store, err := redis.Open(context.Background(), os.Getenv("REDIS_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	keys, err := accesstoken.HMAC([]byte(os.Getenv("JWT_SECRET")))
	if err != nil {
		log.Fatal(err)
	}

	limiter := throttle.New(&throttle.Options{Shared: store.Buckets()})
	svc, err := kit.New(store.Stores(), keys, &kit.Options{Limiter: limiter})
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close(context.Background())
}

// New shares the application's client.
func ExampleNew() {
	client := goredis.NewClient(&goredis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()

	store, err := redis.New(context.Background(), client, &redis.Options{Prefix: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close() // the client stays open
}

// Tokens in Redis and accounts in another store. A memstore stands for it here.
func Example_mixedStores() {
	accounts := memstore.New()
	sessions, err := redis.Open(context.Background(), os.Getenv("REDIS_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	keys, err := accesstoken.HMAC([]byte(os.Getenv("JWT_SECRET")))
	if err != nil {
		log.Fatal(err)
	}
	stores := accounts.Stores()
	stores.Tokens = sessions.Tokens()
	svc, err := kit.New(stores, keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close(context.Background())
}
