package postgres_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/postgres"
)

// TestOtherDefaults runs the suite in a database that sorts as dictionaries do, and
// where a transaction is serializable unless it says otherwise: both are defaults
// that an administrator may have set.
func TestOtherDefaults(t *testing.T) {
	server := servers.Postgres(t)
	db := admin(t, server)
	name := "test_other_defaults"
	exec(t, db, "DROP DATABASE IF EXISTS "+name)
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"); err != nil {
		t.Logf("no collations of ICU here, so only the isolation is another: %v", err)
		exec(t, db, "CREATE DATABASE "+name)
	}
	t.Cleanup(func() { exec(t, db, "DROP DATABASE "+name+" WITH (FORCE)") })
	exec(t, db, "ALTER DATABASE "+name+" SET default_transaction_isolation = 'serializable'")
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name

	other := admin(t, u.String())
	var order string
	if err := other.QueryRowContext(t.Context(), "SELECT string_agg(c, '' ORDER BY c) || ' ' || current_setting('transaction_isolation') FROM unnest(ARRAY['a', 'B', 'c']) c").Scan(&order); err != nil {
		t.Fatal(err)
	}
	t.Logf("this database sorts, and isolates: %s", order)
	conformance.Run(t, conformance.Config{
		New: func(t testing.TB) conformance.Open {
			schema := "s_" + strings.ToLower(rand.Text())
			exec(t, other, "CREATE SCHEMA "+schema)
			dataSource := with(t, u.String(), "search_path", schema)
			asNewer := newer(t, dataSource)
			return func(t testing.TB) conformance.Stores {
				store, err := postgres.Open(context.Background(), dataSource, &postgres.Options{MaxConns: 8})
				if err != nil {
					t.Fatal(err)
				}
				return conformance.Stores{Stores: store.Stores(), Close: store.Close, Newer: asNewer}
			}
		},
		Without:  []conformance.Ability{conformance.Stalling, conformance.Networking},
		Parallel: true,
	})
}
