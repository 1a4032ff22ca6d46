package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance/sqltx"
	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

func TestInTx(t *testing.T) {
	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable} {
		t.Run(level.String(), func(t *testing.T) {
			sqltx.Run(t, func(t testing.TB) sqltx.Open {
				dataSource := schema(t)
				return func(t testing.TB) sqltx.Handle {
					db, store := shared(t, dataSource)
					return sqltx.Handle{
						DB: db, Stores: store.Stores(), InTx: store.InTx, Transaction: store.Transaction,
						Begin: &sql.TxOptions{Isolation: level}, Anew: level != sql.LevelReadCommitted, Newer: newer(t, dataSource),
					}
				}
			})
		})
	}
}

// shared returns an application's pool and a store in it.
func shared(t testing.TB, dataSource string) (*sql.DB, *postgres.Store) {
	t.Helper()
	db := pool(t, dataSource, nil, 8)
	store, err := postgres.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return db, store
}

func begin(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// A call that waits for the row of another transaction ends with its context, and its own
// transaction with it.
func TestInTxEndsWithItsContext(t *testing.T) {
	db, store := shared(t, schema(t))
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Fatal(err)
	}
	first, second := begin(t, db), begin(t, db)
	if err := store.InTx(first).Users.Update(t.Context(), newUser("u")); err != nil {
		t.Fatal(err)
	}
	stores := store.InTx(second)
	if err := stores.Tokens.Create(t.Context(), newToken("t", testTime)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := stores.Users.Update(ctx, newUser("u")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Update: %v, want context.DeadlineExceeded", err)
	}
	if _, err := stores.Users.ByID(t.Context(), "nobody"); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("ByID in a transaction that failed: %v", err)
	}
	if err := second.Commit(); err == nil {
		t.Error("a transaction that failed is committed")
	}
	if err := first.Commit(); err != nil {
		t.Fatal(err)
	}
	if u, err := store.Users().ByID(t.Context(), "u"); err != nil || u.Version != 2 {
		t.Errorf("version %d, %v, want 2", u.Version, err)
	}
	if _, err := store.Tokens().ByID(t.Context(), "t"); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("a token of the transaction that failed: %v", err)
	}
}

// A transaction that failed by a statement of the application says what to do.
func TestInTxThatFailed(t *testing.T) {
	db, store := shared(t, schema(t))
	tx := begin(t, db)
	if _, err := tx.ExecContext(t.Context(), "SELECT 1 / 0"); err == nil {
		t.Fatal("it divides by zero")
	}
	if _, err := store.InTx(tx).Users.ByID(t.Context(), "u"); !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "roll it back") {
		t.Errorf("ByID: %v", err)
	}
}

// Of two transactions that wait for each other PostgreSQL ends one. It is not run again here, where
// only a part of it is known.
func TestInTxThatDeadlocks(t *testing.T) {
	db, store := shared(t, schema(t))
	ids := []string{"one", "two"}
	for _, id := range ids {
		if err := store.Users().Create(t.Context(), newUser(id)); err != nil {
			t.Fatal(err)
		}
	}
	errs := make(chan error, 2)
	txs := []*sql.Tx{begin(t, db), begin(t, db)}
	for i, tx := range txs {
		if err := store.InTx(tx).Users.Update(t.Context(), newUser(ids[i])); err != nil {
			t.Fatal(err)
		}
	}
	for i, tx := range txs {
		go func() {
			err := store.InTx(tx).Users.Update(t.Context(), newUser(ids[1-i]))
			if err == nil {
				err = tx.Commit()
			} else {
				_ = tx.Rollback()
			}
			errs <- err
		}()
	}
	one, other := <-errs, <-errs
	if one == nil {
		one, other = other, one
	}
	if !errors.Is(one, kit.ErrUnavailable) || other != nil {
		t.Errorf("got %v and %v, want kit.ErrUnavailable and nil", one, other)
	}
}

// Behind a pooler in transaction mode each transaction may be on another connection of the server.
// A statement that was prepared elsewhere would let it fail.
func TestInTxThroughPgBouncer(t *testing.T) {
	openStore, _ := throughPgBouncer(t, "transaction")
	store := openStore(t)
	var conns [2]*sql.Conn
	for i := range conns {
		var err error
		if conns[i], err = postgres.Pool(store).Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	transact := func(conn *sql.Conn) (end func()) {
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.InTx(tx).Users.ByID(t.Context(), "nobody"); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("ByID: %v, want kit.ErrNotFound", err)
		}
		return func() {
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		}
	}
	for range 3 {
		for i := range conns {
			transact(conns[i])()
			end := transact(conns[1-i]) // on the same connection of the server, so that
			transact(conns[i])()        // this is on another one
			end()
		}
	}
}
