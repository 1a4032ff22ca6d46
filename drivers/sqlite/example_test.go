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

// signUp makes an account and the application's own row about it, both or neither. Mails and
// events of the account are kept back until the commit.
func signUp(ctx context.Context, db *sql.DB, store *sqlite.Store, svc *kit.Service, r kit.Registration, customer string) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
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
	if _, err := db.ExecContext(ctx, "CREATE TABLE customers (number TEXT PRIMARY KEY, user_id TEXT NOT NULL)"); err != nil {
		log.Fatal(err)
	}
	store, err := sqlite.New(ctx, db, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	svc := newService(store.Stores())

	ada := kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}
	grace := kit.Registration{Email: "grace@example.com", Username: "Grace", Password: "Compiler#1952"}
	fmt.Println(signUp(ctx, db, store, svc, ada, "C-1843"))
	fmt.Println(signUp(ctx, db, store, svc, grace, "C-1843") != nil) // the number is taken
	_, err = svc.UserByEmail(ctx, "grace@example.com")
	fmt.Println(err)
	// Output:
	// <nil>
	// true
	// kit: there is no such user
}
