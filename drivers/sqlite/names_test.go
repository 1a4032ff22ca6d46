package sqlite_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// Stores with other prefixes in one file, and the application's own tables, know nothing
// of each other, and each runs all its statements.
func TestPrefix(t *testing.T) {
	path := tempFile(t)
	app := rawDB(t, path)
	mustExec(t, app, "CREATE TABLE Users (id INT); CREATE INDEX users_email_key ON Users (id); INSERT INTO Users VALUES (1)")
	for _, prefix := range []string{"a_", "a_b_", "_"} {
		store, err := sqlite.Open(t.Context(), path, &sqlite.Options{Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
			t.Errorf("%q: a user of the same ID and address as in the other stores: %v", prefix, err)
		}
		for name, call := range allMethods(store.Users(), store.Tokens()) {
			if err := call(t.Context()); errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("%q: %s: %v", prefix, name, err)
			}
		}
	}
	var n int
	if err := app.QueryRowContext(t.Context(), "SELECT count(*) FROM Users").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows of the application, %v", n, err)
	}
	for _, bad := range []string{"A_", "1_", "a b", `a"`, strings.Repeat("a", 33)} {
		if store, err := sqlite.Open(t.Context(), path, &sqlite.Options{Prefix: bad}); err == nil {
			store.Close()
			t.Errorf("the prefix %q is taken", bad)
		}
	}
}

// An application may have a temporary table of the name on a connection that it shares
// with the store. SQLite would find that one first.
func TestATemporaryTableIsNotMyAuths(t *testing.T) {
	db := rawDB(t, tempFile(t))
	db.SetMaxOpenConns(1)
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	mustExec(t, db, "CREATE TEMP TABLE users AS SELECT * FROM main.users; CREATE TEMP TABLE tokens AS SELECT * FROM main.tokens")
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Error(err)
	}
	if err := store.Tokens().Create(t.Context(), newToken("t", "u")); err != nil {
		t.Error(err)
	}
	var users, tokens, theirs int
	row := db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM main.users), (SELECT count(*) FROM main.tokens), (SELECT count(*) FROM temp.users)")
	if err := row.Scan(&users, &tokens, &theirs); err != nil || users != 1 || tokens != 1 || theirs != 0 {
		t.Errorf("%d users and %d tokens in the store's tables, %d in the application's, %v", users, tokens, theirs, err)
	}
}

// So may the connection that migrates: the indexes would become those of that table, and
// two users could have one address.
func TestATemporaryTableGetsNoIndex(t *testing.T) {
	db := rawDB(t, tempFile(t))
	db.SetMaxOpenConns(1)
	mustExec(t, db, "CREATE TEMP TABLE users (id, email_key); CREATE TEMP TABLE tokens (id, user_id, expires_at)")
	store, err := sqlite.New(t.Context(), db, nil)
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

// another is a driver for SQLite whose errors nobody knows.
type another struct{}

func (another) Open(string) (driver.Conn, error) { return nil, errors.New("SQL logic error (1)") }

func TestThePoolOfAnotherDriverIsRefused(t *testing.T) {
	sql.Register("another", another{})
	db, err := sql.Open("another", "auth.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := sqlite.New(t.Context(), db, nil)
	if err == nil {
		store.Close()
	}
	if err == nil || errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "sqlite_test.another") || !strings.Contains(err.Error(), "go-sqlite3") {
		t.Errorf("got %v, want the name of the driver and of the one to take", err)
	}
}
