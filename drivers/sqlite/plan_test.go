package sqlite_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// What costs more in a larger table: reading all of it, or sorting. COVERING means
// that the index alone answers, which does not make reading all of it cheaper.
var grows = regexp.MustCompile(`\bSCAN\b|TEMP B-TREE|AUTOMATIC`)

func TestNoStatementScans(t *testing.T) {
	store := open(t, tempFile(t))
	for _, statement := range sqlite.Statements() {
		plan := planOf(t, store, statement)
		t.Logf("%s\n\t%s", statement, strings.Join(plan, "\n\t"))
		if strings.HasPrefix(statement, "INSERT") {
			continue // it searches nothing
		}
		if len(plan) == 0 {
			t.Errorf("no plan for %s", statement)
		}
		for _, step := range plan {
			if grows.MatchString(step) {
				t.Errorf("%s\n\tgrows with the table: %s", statement, step)
			}
		}
	}
}

// A page is found in an index by where it begins, and read as far as its end: of a user's tokens
// too, since their table has no rowid, so its indexes end with the primary key.
func TestAPageIsReadAlone(t *testing.T) {
	store := open(t, tempFile(t))
	pages := make(map[string]int)
	for _, statement := range sqlite.Statements() {
		if strings.Contains(statement, "ORDER BY") {
			pages[strings.Join(planOf(t, store, statement), "; ")]++
		}
	}
	want := map[string]int{
		"SEARCH users USING INDEX sqlite_autoindex_users_1 (id>?)":                1,
		"SEARCH users USING INDEX users_email_key (email_key>?)":                  1,
		"SEARCH users USING INDEX users_email_key (email_key>? AND email_key<?)":  1,
		"SEARCH tokens USING INDEX tokens_user_id (user_id=? AND id>?)":           1,
		"SEARCH credentials USING INDEX credentials_user_id (user_id=? AND id>?)": 1,
		// A purge takes rows of a page, and has two statements.
		"SEARCH tokens USING PRIMARY KEY (id=?); LIST SUBQUERY 1; SEARCH tokens USING INDEX tokens_purge_at (purge_at<?)":                2,
		"SEARCH credentials USING PRIMARY KEY (id=?); LIST SUBQUERY 1; SEARCH credentials USING INDEX credentials_purge_at (purge_at<?)": 2,
	}
	if !maps.Equal(pages, want) {
		t.Errorf("pages are read so: %v\nwant %v", pages, want)
	}
}

func TestPlanOfAScanIsSeen(t *testing.T) {
	store := open(t, tempFile(t))
	for _, statement := range []string{
		"SELECT id FROM users WHERE username = $1",
		"SELECT id FROM tokens WHERE user_id = $1 ORDER BY expires_at",
	} {
		if plan := planOf(t, store, statement); !grows.MatchString(strings.Join(plan, "\n")) {
			t.Errorf("%s: %q", statement, plan)
		}
	}
}

func planOf(t *testing.T, store *sqlite.Store, statement string) (plan []string) {
	t.Helper()
	args := make([]any, strings.Count(statement, "$"))
	for i := range args {
		args[i] = 1
	}
	rows, err := sqlite.Pool(store).QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

// The parameters are bound by position, while SQLite numbers $n by appearance.
func TestStatementsNumberTheirParametersInOrder(t *testing.T) {
	for _, statement := range sqlite.Statements() {
		for i, n := range regexp.MustCompile(`\$\d+`).FindAllString(statement, -1) {
			if n != fmt.Sprintf("$%d", i+1) {
				t.Errorf("%s: parameter %s is the %dth", statement, n, i+1)
			}
		}
	}
}

// Once the database has statistics, SQLite prepares a statement anew for other values of a parameter that its
// planner has looked at. It does so for pages of users, where that is little beside the page, and for no
// look-up of one row.
func TestStatisticsPrepareNothingAnew(t *testing.T) {
	path := tempFile(t)
	first := open(t, path)
	err := first.Transaction(t.Context(), func(s kit.Stores) error {
		for i := range 300 {
			u := newUser(fmt.Sprint(i))
			if err := errors.Join(s.Users.Create(t.Context(), u), s.Tokens.Create(t.Context(), newToken(fmt.Sprint(i), u.ID))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, sqlite.Pool(first), "ANALYZE")
	conn, err := sqlite.Pool(open(t, path)).Conn(t.Context()) // which has read the statistics
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, text := range sqlite.Statements() {
		if !strings.HasPrefix(text, "SELECT") || strings.Contains(text, "ORDER BY") {
			continue
		}
		err := conn.Raw(func(c any) error {
			stmt, _, err := c.(driver.Conn).Raw().Prepare(text)
			if err != nil {
				return err
			}
			defer stmt.Close()
			for i := range 300 {
				for k := range stmt.BindCount() {
					if err := stmt.BindText(k+1, fmt.Sprint(i)); err != nil {
						return err
					}
				}
				stmt.Step()
				if err := stmt.Reset(); err != nil {
					return err
				}
			}
			if n := stmt.Status(sqlite3.STMTSTATUS_REPREPARE, false); n > 0 {
				t.Errorf("prepared anew %d times: %s", n, text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
