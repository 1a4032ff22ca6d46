package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"myauth.internal/kit"
)

// The rest of the package is tested where a database is: in the drivers.

var errDown, errTaken = errors.New("down"), errors.New("taken")

func noStatement(table, known string) string { return "" }

func testDialect() Dialect {
	return Dialect{Name: "test", Due: noStatement, Classify: func(err error) (Kind, string) {
		switch {
		case errors.Is(err, errDown):
			return Unavailable, "start it"
		case errors.Is(err, errTaken):
			return Duplicate, ""
		}
		return Unexpected, ""
	}}
}

func TestErrors(t *testing.T) {
	live := context.Background()
	done, cancel := context.WithCancel(live)
	cancel()
	bug := errors.New("no such column")
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want []error
		text string
	}{
		{"nothing", live, nil, nil, ""},
		{"no row, though the context is done", done, kit.ErrNotFound, []error{kit.ErrNotFound}, ""},
		{"taken, though the context is done", done, kit.ErrUserExists, []error{kit.ErrUserExists}, ""},
		{"a newer record, though the context is done", done, kit.ErrNewerRecord, []error{kit.ErrNewerRecord, kit.ErrUnavailable}, "test: do: "},
		{"conflict", done, kit.ErrConflict, []error{kit.ErrConflict}, ""},
		{"context", done, errDown, []error{context.Canceled}, "test: do: "},
		{"down", live, fmt.Errorf("dial: %w", errDown), []error{kit.ErrUnavailable, errDown}, "dial: down: start it"},
		{"pool closed", live, errors.New("sql: database is closed"), []error{kit.ErrUnavailable}, ""},
		{"store closed", live, errors.New("sql: statement is closed"), []error{kit.ErrUnavailable}, ""},
		{"connection closed", live, sql.ErrConnDone, []error{kit.ErrUnavailable}, ""},
		{"connection lost", live, driver.ErrBadConn, []error{kit.ErrUnavailable}, ""},
		{"bug", live, bug, []error{bug}, "test: do: no such column"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Store{dialect: testDialect()}
			got := s.fail(c.ctx, "do", c.err)
			if got == nil {
				if c.err != nil {
					t.Fatal("the error is gone")
				}
				return
			}
			if !strings.Contains(got.Error(), c.text) {
				t.Errorf("text %q, want %q in it", got, c.text)
			}
			for _, sentinel := range []error{kit.ErrNotFound, kit.ErrNewerRecord, kit.ErrConflict, kit.ErrUserExists, kit.ErrUnavailable, context.Canceled, errDown, bug} {
				if is, want := errors.Is(got, sentinel), slices.Contains(c.want, sentinel); is != want {
					t.Errorf("errors.Is(%v) is %v", sentinel, is)
				}
			}
		})
	}
}

// The text that isOutage looks for belongs to database/sql; this notices a change.
func TestClosedTextIsTheStandardLibrarys(t *testing.T) {
	db := sql.OpenDB(noConnector{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.PingContext(t.Context()); !isOutage(err) {
		t.Errorf("a closed pool says %q", err)
	}
}

type noConnector struct{}

func (noConnector) Connect(context.Context) (driver.Conn, error) { return nil, errDown }
func (noConnector) Driver() driver.Driver                        { return nil }

func TestNames(t *testing.T) {
	for _, roles := range [][]string{
		nil, {}, {"admin"}, {"b", "a"}, {`"`, `\`, "[]", ",", "a,b"}, {"\x00", "\u2028", "<&>", "\U0001f600", "e\u0301"},
		{""}, {"", ""}, {"a", "", "b"}, {`a","b`}, {`a"`, `"b`}, {"\ufffd", "\u00e9"},
	} {
		encoded, err := encodeNames(roles)
		if err != nil {
			t.Fatal(err)
		}
		if decoded, err := decodeNames(encoded); err != nil || !slices.Equal(decoded, roles) {
			t.Errorf("%q comes back as %q, %v", roles, decoded, err)
		}
	}
	for _, bad := range []string{"", "{}", "[1]", "admin", `["`, `["]`, `["a"b"]`, `["a","]`, `["a",b]`, "[\"\x01\"]"} {
		if roles, err := decodeNames(bad); err == nil {
			t.Errorf("%q was read as %q", bad, roles)
		}
	}
}

// Behind a prefix is what no text that begins with it reaches, and every other one that is greater
// than it does.
func TestPrefixEnd(t *testing.T) {
	for _, c := range []struct{ prefix, want string }{
		{"a", "b"}, {"az", "a{"}, {"a\x7f", "a\u0080"}, {"a%", "a&"}, {"a_", "a`"}, {`a\`, "a]"},
		{"\u00bf", "\u00c0"}, {"\u07ff", "\u0800"}, {"\ud7ff", "\ue000"}, {"\uffff", "\U00010000"},
		{"a\U0010ffff", "b"}, {"a\U0010ffff\U0010ffff", "b"}, {"\U0010ffff", ""}, {"", ""},
		{"a\xc3", "a\xc4"}, {"a\xff", "b"}, {"\xff\xff", ""}, {"a\xf4\x8f", "a\xf4\x90"},
	} {
		end, ok := prefixEnd(c.prefix)
		if end != c.want || ok != (c.want != "") {
			t.Errorf("behind %q is %q, %v, want %q", c.prefix, end, ok, c.want)
		}
		if !ok {
			continue
		}
		if utf8.ValidString(c.prefix) && !utf8.ValidString(end) {
			t.Errorf("behind %q is %q, which PostgreSQL does not take", c.prefix, end)
		}
		for _, last := range []string{"\U0010ffff\U0010ffff", "\x01", ""} {
			if c.prefix+last >= end {
				t.Errorf("%q begins with %q and is not before %q", c.prefix+last, c.prefix, end)
			}
		}
	}
}

func TestMigrationNames(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"0001_a.sql", "0002_b.sql", "README.md"}, ""},
		{[]string{"0002_b.sql"}, "number 1 is due"},
		{[]string{"0001_a.sql", "0003_c.sql"}, "number 2 is due"},
		{[]string{"0001_a.sql", "0001_b.sql"}, "number 2 is due"},
		{[]string{"a.sql"}, "number 1 is due"},
	} {
		files := fstest.MapFS{}
		for _, name := range c.names {
			files["migrations/"+name] = &fstest.MapFile{}
		}
		_, err := migrationNames(files)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.names, err, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	for limit, want := range map[int]int{-1: 0, 0: 0, 1: 1, 1000: 1000, 1001: 1000} {
		if got := clampLimit(limit); got != want {
			t.Errorf("limit %d becomes %d, want %d", limit, got, want)
		}
	}
}

// A record that is always there in the version presented, and never when it is to be
// changed, is a fault of the database or the work of many others: no call waits for it
// to end.
func TestSwapGivesUp(t *testing.T) {
	db := sql.OpenDB(elusive{})
	t.Cleanup(func() { _ = db.Close() })
	tokens := New(db, testDialect(), 0).Tokens()
	if err := tokens.Update(t.Context(), kit.Token{ID: "1", Version: 7}); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("Update: %v", err)
	}
	if err := tokens.Delete(t.Context(), "1", 7); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("Delete: %v", err)
	}
}

// elusive is a database, and all that belongs to one, which changes no row and
// finds version 7 of every one.
type elusive struct{ read bool }

func (elusive) Connect(context.Context) (driver.Conn, error) { return elusive{}, nil }
func (elusive) Driver() driver.Driver                        { return nil }
func (elusive) Prepare(string) (driver.Stmt, error)          { return elusive{}, nil }
func (elusive) Begin() (driver.Tx, error)                    { return nil, errDown }
func (elusive) Close() error                                 { return nil }
func (elusive) NumInput() int                                { return -1 }
func (elusive) Exec([]driver.Value) (driver.Result, error)   { return driver.RowsAffected(0), nil }
func (elusive) Query([]driver.Value) (driver.Rows, error)    { return &elusive{}, nil }
func (elusive) Columns() []string                            { return []string{"form", "version"} }
func (e *elusive) Next(row []driver.Value) error {
	if e.read {
		return io.EOF
	}
	e.read, row[0], row[1] = true, int64(form), int64(7)
	return nil
}

// A store that was closed sends nothing.
func TestClose(t *testing.T) {
	db := sql.OpenDB(elusive{})
	t.Cleanup(func() { _ = db.Close() })
	s := New(db, testDialect(), 0)
	if err := s.Tokens().Delete(t.Context(), "1", 6); !errors.Is(err, kit.ErrConflict) {
		t.Fatal(err)
	}
	s.Close()
	for name, call := range map[string]func() error{
		"read":  func() error { _, err := s.Users().ByID(t.Context(), "1"); return err },
		"write": func() error { return s.Tokens().Delete(t.Context(), "1", 6) },
	} {
		if err := call(); !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesOfTables(t *testing.T) {
	d := testDialect()
	d.Schema, d.Prefix = `"Auth"`, "app_"
	for text, want := range map[string]string{
		`SELECT id, user_id, token_type FROM tokens WHERE user_id = $1`: `SELECT id, user_id, token_type FROM "Auth".app_tokens WHERE user_id = $1`,
		schemaVersion: `SELECT coalesce(max(version), 0) FROM "Auth".app_myauth_migrations`,
	} {
		if got := d.qualify(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	const index = `CREATE UNIQUE INDEX users_email_key ON users (email_key)`
	if got := d.rename(index); got != `CREATE UNIQUE INDEX app_users_email_key ON app_users (email_key)` {
		t.Errorf("a migration becomes %s", got)
	}
}
