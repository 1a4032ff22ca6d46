package postgres_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

// The tables are in the first schema of the search path that exists. Those that a
// later one has belong to somebody else.
func TestALaterSchemaOfTheSearchPathIsNotMyAuths(t *testing.T) {
	first, later := schema(t), schema(t)
	old := open(t, later, nil)
	if err := old.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Fatal(err)
	}
	store := open(t, with(t, first, "search_path", "no_such_schema,"+searchPath(t, first)+","+searchPath(t, later)), nil)
	if _, err := store.Users().ByID(t.Context(), "u"); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("a user of the later schema: %v, want kit.ErrNotFound", err)
	}
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Errorf("a user of the same ID: %v", err)
	}
	if n := count(t, admin(t, first)); n != 1 {
		t.Errorf("%d users in the first schema, want 1", n)
	}
}

// An application that shares its pool may change the search path of a connection, one
// schema for each of its tenants say. The store stays where it is.
func TestTheSearchPathOfAConnectionIsChanged(t *testing.T) {
	dataSource, other := schema(t), schema(t)
	tenant := open(t, other, nil)
	if err := tenant.Users().Create(t.Context(), newUser("tenant")); err != nil {
		t.Fatal(err)
	}
	db := pool(t, dataSource, nil, 1)
	// Before too: behind a pooler the connection may have been somebody else's.
	exec(t, db, "SET search_path = "+searchPath(t, other))
	store, err := postgres.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, "RESET search_path")
	for range 10 { // also once the server has planned the statement for good
		if err := store.Users().Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, db, "SET search_path = "+searchPath(t, other))
	if _, err := store.Users().ByID(t.Context(), "tenant"); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("a user of the other schema: %v, want kit.ErrNotFound", err)
	}
	if err := store.Users().Create(t.Context(), newUser("mine")); err != nil {
		t.Error(err)
	}
	if err := store.Tokens().Create(t.Context(), newToken("mine", testTime)); err != nil {
		t.Error(err)
	}
	if n, err := store.Tokens().DeleteExpired(t.Context(), testTime, 10); n != 1 || err != nil {
		t.Errorf("DeleteExpired: %d, %v, want 1", n, err)
	}
	if n := count(t, admin(t, other)); n != 1 {
		t.Errorf("%d users in the other schema, want 1", n)
	}
}

// The name of a schema may be of any characters.
func TestASchemaWhoseNameIsQuoted(t *testing.T) {
	dataSource := schema(t)
	name := `Ação.$1 "` + searchPath(t, dataSource) + `"`
	quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	db := admin(t, dataSource)
	exec(t, db, "CREATE SCHEMA "+quoted)
	t.Cleanup(func() { exec(t, db, "DROP SCHEMA "+quoted+" CASCADE") })
	store := open(t, with(t, dataSource, "search_path", quoted), nil)
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Error(err)
	}
	if n := count(t, admin(t, with(t, dataSource, "search_path", quoted))); n != 1 {
		t.Errorf("%d users in the schema, want 1", n)
	}
}

func count(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM users").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A connection may have temporary tables, behind a pooler those of another client too.
// PostgreSQL finds them first: the indexes would become theirs, and two users could have
// one address.
func TestATemporaryTableGetsNoIndex(t *testing.T) {
	db := pool(t, schema(t), nil, 1)
	exec(t, db, "CREATE TEMP TABLE users (id text, email_key text)")
	exec(t, db, "CREATE TEMP TABLE tokens (id text, user_id text, expires_at bigint)")
	store, err := postgres.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	one, two := newUser("one"), newUser("two")
	two.Email = one.Email
	if err := store.Users().Create(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if err := store.Users().Create(t.Context(), two); !errors.Is(err, kit.ErrUserExists) {
		t.Errorf("a second user with the address: %v", err)
	}
}
