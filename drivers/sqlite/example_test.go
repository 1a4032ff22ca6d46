package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"

	_ "github.com/ncruces/go-sqlite3/driver"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// Open makes the file and owns its pool. Its stores go into kit.New.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "myauth")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "auth.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	var users kit.UserStore = store.Users()
	var tokens kit.TokenStore = store.Tokens()
	_, err = users.ByEmail(context.Background(), "nobody@example.com")
	fmt.Println(err)
	purged, err := tokens.DeleteExpired(context.Background(), testTime, 1000)
	fmt.Println(purged, err)
	// Output:
	// kit: no such record
	// 0 <nil>
}

// New keeps the accounts in the application's own database, beside its tables.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "myauth")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	name := "file:" + filepath.ToSlash(filepath.Join(dir, "app.db")) +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"
	db, err := sql.Open("sqlite3", name)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)

	store, err := sqlite.New(context.Background(), db, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close() // db stays open

	var accounts int
	err = db.QueryRow("SELECT count(*) FROM users WHERE is_verified").Scan(&accounts)
	fmt.Println(accounts, err, store.Users().Ping(context.Background()))
	// Output: 0 <nil> <nil>
}

// An account and the application's own row about it, both or neither.
func ExampleStore_InTx() {
	dir, err := os.MkdirTemp("", "myauth")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	name := "file:" + filepath.ToSlash(filepath.Join(dir, "app.db")) +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"
	db, err := sql.Open("sqlite3", name)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE profiles (user_id TEXT PRIMARY KEY)"); err != nil {
		log.Fatal(err)
	}
	store, err := sqlite.New(ctx, db, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	// Serializable is BEGIN IMMEDIATE: it waits for the write lock now, and not in the middle.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	users := store.InTx(tx).Users
	user := kit.User{ID: "u1", Email: "ada@example.com", Active: true, CreatedAt: testTime, UpdatedAt: testTime, Version: 1}
	if err := users.Create(ctx, user); err != nil {
		log.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO profiles (user_id) VALUES ($1)", user.ID); err != nil {
		log.Fatal(err)
	}
	user.ID = "u2"
	fmt.Println(users.Create(ctx, user)) // the transaction goes on
	if err := tx.Commit(); err != nil {
		log.Fatal(err)
	}

	_, err = store.Users().ByEmail(ctx, "ada@example.com")
	fmt.Println(err)
	// Output:
	// kit: a user with this email exists
	// <nil>
}
