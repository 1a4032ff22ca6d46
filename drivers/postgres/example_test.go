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

// signUp makes an account and the application's own row about it, both or neither. Mails and
// events of the account are kept back until the commit.
func signUp(ctx context.Context, db *sql.DB, store *postgres.Store, svc *kit.Service, r kit.Registration, customer string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, after the commit
	within, release := svc.Within(store.InTx(tx))
	user, err := within.Register(ctx, r)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO customers (number, user_id) VALUES ($1, $2)", customer, user.ID); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	release()
	return nil
}

// The function signUp is that of an application. It is compiled and not run.
func ExampleStore_InTx() {
	_ = signUp
}
