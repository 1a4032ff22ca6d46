package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"myauth.internal/drivers/postgres"
)

// With ten thousand rows PostgreSQL prefers an index to reading all of them, where
// there is one.
func TestNoStatementScans(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, nil)
	db := postgres.Pool(store)
	exec(t, db, `INSERT INTO users SELECT n::text, n || '@example.com', n || '@example.com', 'u', 'h', '[]', '{}', true, true, 0, 0, 0, 0 FROM generate_series(1, 10000) n`)
	exec(t, db, `INSERT INTO tokens SELECT n::text, 'refresh', (n / 3)::text, 's', 0, 'h', NULL, NULL, 0, 0, n, 0, 0 FROM generate_series(1, 10000) n`)
	exec(t, db, "ANALYZE users")
	exec(t, db, "ANALYZE tokens")
	for _, statement := range postgres.Statements() {
		if strings.HasPrefix(statement, "INSERT") || strings.Contains(statement, "myauth_migrations") {
			continue
		}
		for i := strings.Count(statement, "$"); i > 0; i-- {
			statement = strings.ReplaceAll(statement, fmt.Sprint("$", i), "'1'") // of every type here
		}
		rows, err := db.QueryContext(t.Context(), "EXPLAIN "+statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		var plan []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "Index") && !strings.Contains(text, "Bitmap") {
			t.Errorf("%s\n%s", statement, text)
		}
	}
}
