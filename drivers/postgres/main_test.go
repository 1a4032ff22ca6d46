package postgres_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	_ "github.com/lib/pq" // for the tests' own look at the server

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/postgres"
)

// admin returns a pool of plain lib/pq for the tests' own statements.
func admin(t testing.TB, dataSource string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dataSource)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func exec(t testing.TB, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// schema makes an empty schema and returns the URL that leads there.
func schema(t testing.TB) string {
	t.Helper()
	server := servers.Postgres(t)
	name := "test_" + strings.ToLower(rand.Text())
	db := admin(t, server)
	db.SetMaxIdleConns(0) // the server's connections are few
	exec(t, db, "CREATE SCHEMA "+name)
	t.Cleanup(func() { exec(t, db, "DROP SCHEMA "+name+" CASCADE") })
	return with(t, server, "search_path", name)
}

// with returns the URL with one more setting.
func with(t testing.TB, dataSource, key, value string) string {
	t.Helper()
	u, err := url.Parse(dataSource)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set(key, value)
	u.RawQuery = query.Encode()
	return u.String()
}

// as returns the URL with another user.
func as(t testing.TB, dataSource, user, password string) string {
	t.Helper()
	u, err := url.Parse(dataSource)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// searchPath returns the schema that the URL leads to.
func searchPath(t testing.TB, dataSource string) string {
	t.Helper()
	u, err := url.Parse(dataSource)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("search_path")
}

// open returns a store, closed when the test ends.
func open(t testing.TB, dataSource string, opts *postgres.Options) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(context.Background(), dataSource, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
