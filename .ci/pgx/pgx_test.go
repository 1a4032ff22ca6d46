package pgx

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
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

func run(t *testing.T, url string) {
	conformance.Run(t, conformance.Config{
		New: func(t testing.TB) conformance.Open {
			name := schema(t)
			return func(t testing.TB) conformance.Stores {
				db := pool(t, url)
				store, err := postgres.New(t.Context(), db, &postgres.Options{Schema: name})
				if err != nil {
					t.Fatal(err)
				}
				return conformance.Stores{
					Users: store.Users(), Tokens: store.Tokens(),
					Close: func() error { return errors.Join(store.Close(), db.Close()) },
				}
			}
		},
		Without:  []conformance.Ability{conformance.Stalling, conformance.Networking},
		Parallel: true,
	})
}

func TestConformance(t *testing.T) { run(t, servers.Postgres(t)) }

// Behind a pooler pgx is told to use no prepared statements.
func TestConformanceThroughPgBouncer(t *testing.T) {
	run(t, servers.PgBouncer(t, "transaction")+"&default_query_exec_mode=exec")
}

func newUser(id string) kit.User {
	now := time.Date(2026, 11, 5, 12, 30, 0, 0, time.UTC)
	return kit.User{ID: id, Email: id + "@example.com", Username: id, PasswordHash: "h", Active: true, CreatedAt: now, UpdatedAt: now, Version: 1}
}

// With them its names are digests, so the server may not know one, or know it already, and
// never takes it for another. That is an outage.
func TestPreparedStatementsThroughPgBouncer(t *testing.T) {
	name := schema(t)
	direct := newStore(t, servers.Postgres(t), name)
	const users = 20
	for i := range users {
		if err := direct.Users().Create(t.Context(), newUser(fmt.Sprint("u", i))); err != nil {
			t.Fatal(err)
		}
	}
	db := pool(t, servers.PgBouncer(t, "transaction"))
	store, err := postgres.New(t.Context(), db, &postgres.Options{Schema: name})
	if err != nil {
		if !errors.Is(err, kit.ErrUnavailable) {
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
				if err != nil && !errors.Is(err, kit.ErrUnavailable) || err == nil && u.ID != fmt.Sprint("u", i) {
					t.Errorf("user u%d: %q, %v", i, u.ID, err)
				}
				if err := store.Users().Delete(t.Context(), "nobody"); !errors.Is(err, kit.ErrNotFound) && !errors.Is(err, kit.ErrUnavailable) {
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
