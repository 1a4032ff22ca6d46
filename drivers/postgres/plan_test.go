package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"myauth.internal/drivers/postgres"
)

// With ten thousand rows PostgreSQL prefers an index to reading all of them, where
// there is one: with statistics and without, as the rows of a server that was just
// restored, and with the values at hand or, as after some uses of a prepared
// statement, for any values.
func TestNoStatementScans(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, nil)
	db := postgres.Pool(store)
	exec(t, db, "ALTER TABLE users SET (autovacuum_enabled = off)")
	exec(t, db, `INSERT INTO users SELECT n::text, n || '@example.com', n || '@example.com', 'u', 'h', '[]', '{}', NULL, NULL, true, true, 0, 0, 0, 0, 0, 1 FROM generate_series(1, 10000) n`)
	for _, table := range []string{"tokens", "credentials"} {
		exec(t, db, "ALTER TABLE "+table+" SET (autovacuum_enabled = off)")
		exec(t, db, `INSERT INTO `+table+` SELECT n::text, 'refresh', (n / 3)::text, 's', 0, 'h', NULL, NULL, NULL, 0, 0, n * 10000000000, 0, n * 10000000000, 0, 1 FROM generate_series(1, 10000) n`)
	}
	for _, statistics := range []string{"no statistics", "statistics"} {
		if statistics == "statistics" {
			exec(t, db, "ANALYZE users, tokens, credentials")
		}
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			for _, statement := range postgres.Statements() {
				if strings.HasPrefix(statement, "INSERT") || strings.Contains(statement, "myauth_migrations") {
					continue
				}
				plan := planOf(t, db, mode, statement)
				if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index") {
					t.Errorf("%s, %s: it reads the whole table\n%s\n%s", statistics, mode, statement, plan)
				}
				// A page is read as far as its limit, and nothing before or after it. Only a purge
				// passes over the rows of newer versions, and takes of its page the rows that it is for.
				filters := strings.Contains(purgeFilter.ReplaceAllString(plan, ""), "Filter")
				if strings.Contains(statement, "LIMIT") && (strings.Contains(plan, "Sort") || filters) {
					t.Errorf("%s, %s: it reads more than the page\n%s\n%s", statistics, mode, statement, plan)
				}
			}
		}
	}
}

var (
	purgeFilter = regexp.MustCompile(`Filter: \((form <= 1|purge_at (<|>=) expires_at)\)`)
	parameter   = regexp.MustCompile(`\$(\d+)`)
)

// planOf returns the plan of the statement as a prepared one.
func planOf(t *testing.T, db *sql.DB, mode, statement string) string {
	t.Helper()
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	last := 0
	for _, match := range parameter.FindAllStringSubmatch(statement, -1) {
		n, _ := strconv.Atoi(match[1])
		last = max(last, n)
	}
	args := strings.TrimSuffix(strings.Repeat("'1', ", last), ", ") // of every type here
	for _, text := range []string{"SET plan_cache_mode = " + mode, "PREPARE asked AS " + statement} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	defer func() {
		if _, err := conn.ExecContext(ctx, "DEALLOCATE asked"); err != nil {
			t.Error(err)
		}
	}()
	rows, err := conn.QueryContext(ctx, fmt.Sprintf("EXPLAIN EXECUTE asked (%s)", args))
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
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
	return strings.Join(plan, "\n")
}
