package postgres_test

import (
	"database/sql"
	"strings"
	"testing"

	"myauth.internal/drivers/postgres"
)

// Tables, indexes and types of the application are refused and left alone, and the error
// says how both can live.
func TestTablesOfTheApplication(t *testing.T) {
	for _, theirs := range []string{
		"CREATE TABLE users (id INT); INSERT INTO users VALUES (1)",
		"CREATE TABLE tokens (id INT, value TEXT)",
		"CREATE TABLE people (id INT); CREATE INDEX tokens_user_id ON people (id)",
		"CREATE VIEW users AS SELECT 1 AS id",
		"CREATE TYPE users AS ENUM ('one')",
	} {
		t.Run(theirs, func(t *testing.T) {
			dataSource := schema(t)
			db := admin(t, dataSource)
			exec(t, db, theirs)
			before := relations(t, db, searchPath(t, dataSource))
			for range 2 { // the first try leaves nothing that changes the second
				store, err := postgres.Open(t.Context(), dataSource, nil)
				if err == nil {
					store.Close()
				}
				if err == nil || !strings.Contains(err.Error(), "Options.Prefix") || !strings.Contains(err.Error(), "Options.Schema") {
					t.Errorf("got %v", err)
				}
			}
			if after := relations(t, db, searchPath(t, dataSource)); after != before {
				t.Errorf("there was\n%s\nand now is\n%s", before, after)
			}
			store := open(t, dataSource, &postgres.Options{Prefix: "auth_"})
			if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
				t.Error(err)
			}
		})
	}
}

// relations lists what is in a schema but for the table that a migration locks.
func relations(t *testing.T, db *sql.DB, schema string) (list string) {
	t.Helper()
	const query = `SELECT string_agg(c.relname || ' ' || c.relkind::text || ' ' || coalesce(a.attname, ''), E'\n' ORDER BY c.relname, a.attnum)
		FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		WHERE c.relnamespace = $1::regnamespace AND c.relname NOT LIKE 'myauth_migrations%'`
	var found sql.NullString
	if err := db.QueryRowContext(t.Context(), query, schema).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found.String
}

// Tables that are MyAuth's by their list of migrations and not by their columns are
// refused when the store opens, too.
func TestTablesThatWereReplaced(t *testing.T) {
	dataSource := schema(t)
	open(t, dataSource, nil)
	exec(t, admin(t, dataSource), "DROP TABLE tokens; CREATE TABLE tokens (id TEXT)")
	for name, db := range map[string]*sql.DB{
		"lib/pq":    admin(t, with(t, dataSource, "binary_parameters", "yes")),
		"connector": pool(t, dataSource, nil, 1),
	} {
		store, err := postgres.New(t.Context(), db, nil)
		if err == nil {
			store.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "Options.Prefix") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Stores with other prefixes, or in other schemas, of one database know nothing of each
// other, and each runs all its statements.
func TestPrefixAndSchema(t *testing.T) {
	dataSource := schema(t)
	other := searchPath(t, dataSource) + `_"Other"`
	db := admin(t, dataSource)
	t.Cleanup(func() { exec(t, db, `DROP SCHEMA "`+strings.ReplaceAll(other, `"`, `""`)+`" CASCADE`) })
	for _, opts := range []*postgres.Options{
		nil, {Prefix: "a_"}, {Prefix: "a_b_"}, {Schema: other}, {Schema: other, Prefix: "a_"},
	} {
		store := open(t, dataSource, opts)
		useAll(t, store)
		if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
			t.Errorf("%+v: a user of the same ID and address as in the other stores: %v", opts, err)
		}
	}
	for _, opts := range []*postgres.Options{{Prefix: "Auth"}, {Prefix: "1a"}, {Prefix: "a b"}, {Prefix: `a"`}, {Prefix: strings.Repeat("a", 33)}, {Schema: strings.Repeat("a", 64)}} {
		if store, err := postgres.Open(t.Context(), dataSource, opts); err == nil {
			store.Close()
			t.Errorf("%+v is taken", opts)
		}
	}
}
