package postgres_test

import (
	"context"
	"log"
	"os"

	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// Accounts in PostgreSQL and tokens in another store: another database, or a driver
// of another kind. A memstore stands for it here.
func Example_mixedStores() {
	accounts, err := postgres.Open(context.Background(), os.Getenv("DATABASE_URL"), &postgres.Options{MaxConns: 8})
	if err != nil {
		log.Fatal(err)
	}
	defer accounts.Close()
	stores := accounts.Stores()
	stores.Tokens = memstore.New().Tokens()
	keys, err := accesstoken.HMAC([]byte(os.Getenv("JWT_SECRET")))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(stores, keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close(context.Background())
}

// A pool for New, whose tables stand in a schema of their own.
func ExampleNewConnector() {
	connector, err := postgres.NewConnector("host=db.example.com dbname=app user=app search_path=auth", nil)
	if err != nil {
		log.Fatal(err)
	}
	_ = connector // for sql.OpenDB
}
