package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

var testTime = time.Date(2026, 11, 5, 12, 30, 0, 123456000, time.UTC)

func newUser(id string) kit.User {
	return kit.User{
		ID: id, Email: id + "@Example.com", Username: "user " + id,
		PasswordHash: "$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
		Active:       true, CreatedAt: testTime, UpdatedAt: testTime, Version: 1,
	}
}

// A pool of plain lib/pq runs a statement again when its connection broke.
func TestNewOverAPlainPoolSendsAWriteOnce(t *testing.T) {
	dataSource := with(t, schema(t), "binary_parameters", "yes")
	n := conformance.NewNetwork(t)
	u, err := url.Parse(dataSource)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = n.Address(u.Host)
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := postgres.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for i := range 30 {
		user := newUser(fmt.Sprint("u", i))
		if err := store.Users().Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop := n.LoseAnswer(1)
		err := store.Users().Create(t.Context(), user)
		if stop() {
			lost++
		}
		if err != nil && !errors.Is(err, kit.ErrUnavailable) {
			t.Fatalf("Create whose answer was lost: %v", err)
		}
	}
	if lost == 0 {
		t.Error("no answer was lost")
	}
}

// What the server can refuse, each with its advice.
func TestRefusals(t *testing.T) {
	dataSource := schema(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dataSource, want string }{
		{"nobody listens", "postgres://user:hunter2@" + address + "/app?sslmode=disable", "connection refused"},
		{"no such database", strings.Replace(dataSource, "/postgres?", "/nothing?", 1), "create the database"},
		{"no such user", as(t, dataSource, "nobody", "hunter2"), "check user"},
		{"no TLS", strings.Replace(dataSource, "sslmode=disable", "sslmode=require", 1), "sslmode=disable"},
		{"no such schema", with(t, dataSource, "search_path", "nowhere"), "search_path"},
		{"a URL that is none", "postgres://user:hunter2%zz@host/app", "percent-encode"},
		{"a setting that is none", "postgres://user:hunter2@" + address + "/app?sslmode=hunter2", "setting"},
		{"a parameter of Prisma", with(t, dataSource, "schema", "public"), "Options.Schema"},
		{"a parameter of a pool", with(t, dataSource, "connection_limit", "1"), "Options.MaxConns"},
		{"read-only", with(t, dataSource, "default_transaction_read_only", "on"), "target_session_attrs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, err := postgres.Open(t.Context(), c.dataSource, nil)
			if err == nil {
				t.Fatal("it opens", store.Close())
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2") {
				t.Errorf("got %v, want %q and no password", err, c.want)
			}
			wantUnavailable := !strings.Contains(c.name, "none")
			if errors.Is(err, kit.ErrUnavailable) != wantUnavailable {
				t.Errorf("errors.Is(%v, kit.ErrUnavailable) is %v", err, !wantUnavailable)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := postgres.Open(ctx, dataSource, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a context that is done: %v", err)
	}
	if _, err := postgres.Open(t.Context(), dataSource, &postgres.Options{MaxConns: -1}); err == nil {
		t.Error("a negative MaxConns is taken")
	}
	if _, err := postgres.New(t.Context(), nil, nil); err == nil {
		t.Error("New takes no pool")
	}
}

// A server that becomes read-only, as the old primary does in a failover, loses its
// connection at the first write.
func TestAReadOnlyServerLosesItsConnections(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, &postgres.Options{MaxConns: 1})
	exec(t, postgres.Pool(store), "SET default_transaction_read_only = on") // this connection only
	err := store.Users().Create(t.Context(), newUser("u"))
	if !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "primary") {
		t.Errorf("a write to a read-only server: %v", err)
	}
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Errorf("the write after it, on a new connection: %v", err)
	}
}

// A statement that the server ends is no end of the context.
func TestStatementTimeout(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, &postgres.Options{MaxConns: 1})
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Fatal(err)
	}
	lookUp(t, store)() // which prepares the statement
	before := backend(t, store)
	tx, err := admin(t, dataSource).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE users IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	exec(t, postgres.Pool(store), "SET statement_timeout = 50") // of the one connection
	if _, err := store.Users().ByID(t.Context(), "u"); !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "statement_timeout") {
		t.Errorf("got %v", err)
	}
	exec(t, postgres.Pool(store), "SET statement_timeout = 0")
	// A call whose context ends while it waits for the lock is canceled by the server, and its
	// connection goes, lest a late request cancels what runs there next.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer cancel()
		until(t, admin(t, dataSource), "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid = "+strconv.Itoa(before))
	}()
	if _, err := store.Users().ByID(ctx, "u"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	until(t, admin(t, dataSource), "SELECT count(*) = 0 FROM pg_locks WHERE NOT granted AND pid = "+strconv.Itoa(before))
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Users().ByID(t.Context(), "u"); err != nil {
		t.Error(err)
	}
	if after := backend(t, store); after == before {
		t.Error("the connection stays in the pool")
	}
}

// backend returns the id of the process that serves a store with one connection.
func backend(t *testing.T, store *postgres.Store) (pid int) {
	t.Helper()
	if err := postgres.Pool(store).QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// Texts that PostgreSQL cannot hold are of nobody.
func TestTextsThatCannotBeThere(t *testing.T) {
	store := open(t, schema(t), nil)
	for _, text := range []string{"a\x00b", "\xff", "\xc3\x28"} {
		if _, err := store.Users().ByID(t.Context(), text); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("ByID(%q): %v", text, err)
		}
		if _, err := store.Users().ByEmail(t.Context(), text); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("ByEmail(%q): %v", text, err)
		}
		if err := store.Users().Delete(t.Context(), text); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("Delete(%q): %v", text, err)
		}
		if _, err := store.Tokens().ByID(t.Context(), text); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("ByID(%q) of a token: %v", text, err)
		}
		if err := store.Tokens().Delete(t.Context(), text, 1); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("Delete(%q) of a token: %v", text, err)
		}
		if list, err := store.Users().ListByEmail(t.Context(), text, "", 10); len(list) > 0 || err != nil {
			t.Errorf("ListByEmail(%q): %v, %v", text, list, err)
		}
		if list, err := store.Tokens().ByUser(t.Context(), text, "", 10); len(list) > 0 || err != nil {
			t.Errorf("ByUser(%q): %v, %v", text, list, err)
		}
		u := newUser("u")
		u.Username = text
		if err := store.Users().Create(t.Context(), u); err == nil || errors.Is(err, kit.ErrUserExists) || errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("Create of a user called %q: %v", text, err)
		}
	}
}

// A connection that the server ended while nobody used it is found out before it
// is used for a write.
func TestIdleConnectionsAreTried(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, &postgres.Options{MaxConns: 2})
	if err := store.Users().Create(t.Context(), newUser("first")); err != nil {
		t.Fatal(err)
	}
	exec(t, admin(t, dataSource), fmt.Sprint("SELECT pg_terminate_backend(", backend(t, store), ")"))
	idle := time.NewTimer(postgres.IdleCheck + 100*time.Millisecond)
	<-idle.C
	if err := store.Users().Create(t.Context(), newUser("second")); err != nil {
		t.Errorf("the write after the server ended the connection: %v", err)
	}
}
