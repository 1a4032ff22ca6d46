package pgx

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/conformance/sqltx"
	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

func pool(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// schema returns the name of one that is dropped when the test ends.
func schema(t testing.TB) string {
	t.Helper()
	name := "pgx_" + strings.ToLower(rand.Text())
	db := pool(t, servers.Postgres(t))
	t.Cleanup(func() {
		if _, err := db.Exec("DROP SCHEMA IF EXISTS " + name + " CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return name
}

func newStore(t testing.TB, url, schema string) *postgres.Store {
	t.Helper()
	store, err := postgres.New(t.Context(), pool(t, url), &postgres.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Config{
		New: func(t testing.TB) conformance.Open {
			name := schema(t)
			return func(t testing.TB) conformance.Stores {
				db := pool(t, servers.Postgres(t))
				store, err := postgres.New(t.Context(), db, &postgres.Options{Schema: name})
				if err != nil {
					t.Fatal(err)
				}
				return conformance.Stores{
					Stores: store.Stores(),
					Close:  func() error { return errors.Join(store.Close(), db.Close()) },
					Newer:  newer(db, name),
				}
			}
		},
		Without:  []conformance.Ability{conformance.Stalling, conformance.Networking},
		Parallel: true,
	})
}

// newer returns what makes rows claim to be of a newer form.
func newer(db *sql.DB, schema string) func(table, id string) error {
	return func(table, id string) error {
		_, err := db.Exec("UPDATE "+schema+"."+table+" SET form = 99 WHERE id = $1", id)
		return err
	}
}

func TestInTx(t *testing.T) {
	sqltx.Run(t, func(t testing.TB) sqltx.Open {
		name := schema(t)
		return func(t testing.TB) sqltx.Handle {
			db := pool(t, servers.Postgres(t)+"&search_path="+name)
			store, err := postgres.New(t.Context(), db, &postgres.Options{Schema: name})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			return sqltx.Handle{DB: db, Stores: store.Stores(), InTx: store.InTx, Transaction: store.Transaction, Newer: newer(db, name)}
		}
	})
}

func newUser(id string) kit.User {
	now := time.Date(2026, 11, 5, 12, 30, 0, 0, time.UTC)
	return kit.User{ID: id, Email: id + "@example.com", Username: id, PasswordHash: "h", Active: true, CreatedAt: now, UpdatedAt: now, Version: 1}
}

// Pgx's names of prepared statements are digests of them, so a server behind a pooler may
// not know one, or know it already, and never takes it for another. That is an outage.
// Told to use none, it has none. (No call here ends with its context: PgBouncer 1.18 does
// not bear many cancellations.)
func TestPgBouncer(t *testing.T) {
	t.Run("prepared", func(t *testing.T) { throughPgBouncer(t, "", kit.ErrUnavailable) })
	t.Run("exec", func(t *testing.T) { throughPgBouncer(t, "&default_query_exec_mode=exec", nil) })
}

func throughPgBouncer(t *testing.T, mode string, outage error) {
	bearable := func(err error) bool { return err == nil || outage != nil && errors.Is(err, outage) }
	name := schema(t)
	direct := newStore(t, servers.Postgres(t), name)
	const users = 20
	for i := range users {
		if err := direct.Users().Create(t.Context(), newUser(fmt.Sprint("u", i))); err != nil {
			t.Fatal(err)
		}
	}
	store, err := postgres.New(t.Context(), pool(t, servers.PgBouncer(t, "transaction")+mode), &postgres.Options{Schema: name})
	if err != nil {
		if !bearable(err) {
			t.Error(err)
		}
		return // by luck, at the start
	}
	defer store.Close()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() {
			<-start
			for range 20 {
				u, err := store.Users().ByID(t.Context(), fmt.Sprint("u", i))
				if !bearable(err) || err == nil && u.ID != fmt.Sprint("u", i) {
					t.Errorf("user u%d: %q, %v", i, u.ID, err)
				}
				if err := store.Users().Delete(t.Context(), "nobody"); !errors.Is(err, kit.ErrNotFound) && !bearable(err) {
					t.Errorf("Delete of nobody: %v", err)
				}
			}
		})
	}
	close(start)
	wg.Wait()
	for i := range users {
		if _, err := direct.Users().ByID(t.Context(), fmt.Sprint("u", i)); err != nil {
			t.Errorf("afterwards, user u%d: %v", i, err)
		}
	}
}

// Of pgx's modes New refuses the one that sends a statement without a name and its
// arguments apart: behind a pooler they may meet another client's statement.
func TestModes(t *testing.T) {
	for mode, suits := range map[string]bool{
		"cache_statement": true, "cache_describe": true, "exec": true, "simple_protocol": true, "describe_exec": false,
	} {
		db := pool(t, servers.Postgres(t)+"&default_query_exec_mode="+mode)
		store, err := postgres.New(t.Context(), db, &postgres.Options{Schema: schema(t)})
		if err == nil {
			_ = store.Close()
		}
		if suits != (err == nil) || !suits && (errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "default_query_exec_mode=exec")) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

// A server that does not speak as the pool wants it to cannot be reached, though pgx's
// errors of connecting have no SQLSTATE and not all are of the network.
func TestNoConnection(t *testing.T) {
	for _, answer := range []string{"N", "SHTTP/1.1 400 Bad Request\r\n\r\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				request := make([]byte, 8) // SSLRequest
				_, _ = io.ReadFull(conn, request)
				_, _ = io.WriteString(conn, answer)
				_, _ = io.Copy(io.Discard, conn) // until it hangs up
				_ = conn.Close()
			}
		}()
		store, err := postgres.New(t.Context(), pool(t, "postgres://u:s3cret@"+l.Addr().String()+"/app?sslmode=require"), nil)
		if err == nil {
			_ = store.Close()
		}
		if !errors.Is(err, kit.ErrUnavailable) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("answered %.10q: %v", answer, err)
		}
	}
}
