package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

func TestConcurrentOpenMigratesOnce(t *testing.T) {
	for _, isolation := range []string{"read committed", "repeatable read", "serializable", "serializable"} {
		dataSource := with(t, schema(t), "default_transaction_isolation", isolation)
		start := make(chan struct{})
		errs := make([]error, 16)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				<-start
				store, err := postgres.Open(context.Background(), dataSource, &postgres.Options{MaxConns: 1})
				if err == nil {
					err = store.Close()
				}
				errs[i] = err
			})
		}
		close(start)
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		var n, last int
		row := admin(t, dataSource).QueryRowContext(t.Context(), "SELECT count(*), max(version) FROM myauth_migrations WHERE version > 0")
		if err := row.Scan(&n, &last); err != nil || n != 1 || last != 1 {
			t.Errorf("%d migrations up to %d, %v", n, last, err)
		}
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, nil)
	if err := store.Users().Ping(t.Context()); err != nil {
		t.Error(err)
	}
	exec(t, admin(t, dataSource), "INSERT INTO myauth_migrations (version, name) VALUES (2, 'of a version to come')")
	// A store that is open goes on with the rows that it understands, and is no longer ready.
	if err := store.Users().Ping(t.Context()); !errors.Is(err, postgres.ErrNewerSchema) || !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("Ping: %v, want ErrNewerSchema", err)
	}
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Error(err)
	}
	if store, err := postgres.Open(t.Context(), dataSource, nil); !errors.Is(err, postgres.ErrNewerSchema) {
		t.Errorf("got %v, %v", store, err)
	}
}

// A migration that fails leaves nothing behind, and the next start tries again.
func TestAFailedMigrationLeavesNothing(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, nil)
	db := postgres.Pool(store)
	first, err := fs.ReadFile(postgres.Migrations, "migrations/0001_tables.sql")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"migrations/0001_tables.sql": {Data: first},
		"migrations/0002_more.sql":   {Data: []byte("ALTER TABLE users ADD COLUMN more TEXT; SELECT 1/0;")},
	}
	if err := postgres.Migrate(t.Context(), db, files); err == nil {
		t.Fatal("a migration that divides by zero succeeds")
	}
	if _, err := store.Users().ByID(t.Context(), "1"); !errors.Is(err, kit.ErrNotFound) {
		t.Error(err)
	}
	files["migrations/0002_more.sql"].Data = []byte("ALTER TABLE users ADD COLUMN more TEXT")
	if err := postgres.Migrate(t.Context(), db, files); err != nil {
		t.Error(err)
	}
}

// A user without the right to make tables is told what is missing.
func TestMigrationWithoutRights(t *testing.T) {
	dataSource := schema(t)
	db := admin(t, dataSource)
	role := "role_" + strings.ToLower(t.Name())
	exec(t, db, "DROP ROLE IF EXISTS "+role)
	exec(t, db, "CREATE ROLE "+role+" LOGIN PASSWORD 'its own'")
	defer exec(t, db, "DROP ROLE "+role)
	_, err := postgres.Open(t.Context(), as(t, dataSource, role, "its own"), nil)
	if err == nil || !strings.Contains(err.Error(), "search_path") && !strings.Contains(err.Error(), "grant") {
		t.Errorf("got %v", err)
	}
}

// A database that cannot hold every name is refused at the start, and not at the
// first Greek who registers.
func TestEncoding(t *testing.T) {
	server := servers.Postgres(t)
	db := admin(t, server)
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		name := "encoding_" + strings.ToLower(rand.Text())
		exec(t, db, "CREATE DATABASE "+name+" ENCODING '"+encoding+"' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
		t.Cleanup(func() { exec(t, db, "DROP DATABASE "+name) })
		u, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		u.Path = name
		store, err := postgres.Open(t.Context(), u.String(), nil)
		if err == nil {
			store.Close()
		}
		if err == nil || !strings.Contains(err.Error(), encoding) || !strings.Contains(err.Error(), "ENCODING 'UTF8'") {
			t.Errorf("%s: got %v", encoding, err)
		}
	}
}
