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
	const first = "0001_users_and_tokens.sql"
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
	ctx, users, tokens, user, token := t.Context(), store.Users(), store.Tokens(), newUser("u"), newToken("t", testTime)
	for _, call := range []func() error{
		func() error { return users.Ping(ctx) },
		func() error { return users.Create(ctx, user) },
		func() error { return users.Update(ctx, user) },
		func() error { _, err := users.ByID(ctx, user.ID); return err },
		func() error { _, err := users.ByEmail(ctx, user.Email); return err },
		func() error { return users.Delete(ctx, user.ID) },
		func() error { return tokens.Create(ctx, token) },
		func() error { return tokens.Update(ctx, token) },
		func() error { _, err := tokens.ByID(ctx, token.ID); return err },
		func() error { _, err := tokens.ByUser(ctx, token.UserID, "", 10); return err },
		func() error { _, err := tokens.DeleteExpired(ctx, testTime, 10); return err },
		func() error { _, err := tokens.Delete(ctx, token.ID); return err },
	} {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
}
