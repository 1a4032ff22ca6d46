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

// An account and the application's own row about it, both or neither.
func ExampleStore_InTx() {
	register := func(ctx context.Context, db *sql.DB, store *postgres.Store, user kit.User) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		if err := store.InTx(tx).Users.Create(ctx, user); err != nil {
			return err // such as kit.ErrUserExists, after which tx could go on
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO profiles (user_id) VALUES ($1)", user.ID); err != nil {
			return err
		}
		return tx.Commit()
	}
	_ = register
}
