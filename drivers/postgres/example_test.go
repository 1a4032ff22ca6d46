package postgres_test

import (
	"context"
	"database/sql"
	"log"
	"os"

	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// Open owns its pool. Its stores go into kit.New.
func ExampleOpen() {
	store, err := postgres.Open(context.Background(), os.Getenv("DATABASE_URL"), nil)
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

// New shares the application's pool.
func ExampleNew() {
	connector, err := postgres.NewConnector(os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)

	store, err := postgres.New(context.Background(), db, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close() // db stays open
}
