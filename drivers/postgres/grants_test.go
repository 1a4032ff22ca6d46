package postgres_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"myauth.internal/drivers/postgres"
)

// The tables that the README makes by hand, and the rights that it grants, are all
// that a store needs.
func TestTablesMadeByHand(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(readme), "```sql\nSET search_path")
	script, _, end := strings.Cut("SET search_path"+script, "```")
	if !found || !end {
		t.Fatal("the README has no script")
	}
	const first = "0001_tables.sql"
	migration, err := fs.ReadFile(postgres.Migrations, "migrations/"+first)
	if err != nil {
		t.Fatal(err)
	}
	script = strings.Replace(script, `\i migrations/`+first, string(migration), 1)

	dataSource := schema(t)
	name := searchPath(t, dataSource)
	db := admin(t, dataSource)
	exec(t, db, "CREATE ROLE role_"+name+" LOGIN PASSWORD 'its own'")
	t.Cleanup(func() {
		exec(t, db, "DROP OWNED BY role_"+name)
		exec(t, db, "DROP ROLE role_"+name)
	})
	script = regexp.MustCompile(`\bauth\b`).ReplaceAllString(script, name)
	exec(t, db, regexp.MustCompile(`\bapp\b`).ReplaceAllString(script, "role_"+name))

	store := open(t, as(t, dataSource, "role_"+name, "its own"), nil)
	useAll(t, store)
}

// useAll lets the store run each of its statements.
func useAll(t *testing.T, store *postgres.Store) {
	t.Helper()
	ctx, users, user := t.Context(), store.Users(), newUser("u")
	calls := []func() error{
		func() error { return users.Ping(ctx) },
		func() error { return users.Create(ctx, user) },
		func() error { return users.Update(ctx, user) },
		func() error { _, err := users.ByID(ctx, user.ID); return err },
		func() error { _, err := users.ByEmail(ctx, user.Email); return err },
		func() error { _, err := users.List(ctx, "", 10); return err },
		func() error { _, err := users.ListByEmail(ctx, "", "", 10); return err },
		func() error { _, err := users.ListByEmail(ctx, "", "a", 10); return err },
		func() error { _, err := users.ListByEmail(ctx, "u", "", 10); return err },
		func() error { _, err := users.ListByEmail(ctx, "u", "ua", 10); return err },
		func() error { return users.Delete(ctx, user.ID) },
	}
	for _, tokens := range []*postgres.Tokens{store.Tokens(), store.Credentials()} {
		token := newToken("t", testTime)
		calls = append(calls,
			func() error { return tokens.Create(ctx, token) },
			func() error { return tokens.Update(ctx, token) },
			func() error { _, err := tokens.ByID(ctx, token.ID); return err },
			func() error { _, err := tokens.ByUser(ctx, token.UserID, "", 10); return err },
			func() error { return tokens.Delete(ctx, token.ID, token.Version+1) },
			func() error { _, err := tokens.DeleteExpired(ctx, testTime, 10); return err },
		)
	}
	for _, call := range calls {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
}
