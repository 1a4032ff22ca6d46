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
