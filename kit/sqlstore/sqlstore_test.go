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
	"time"

	"myauth.internal/kit"
)

// The rest of the package is tested where a database is: in the drivers.

var errDown, errTaken = errors.New("down"), errors.New("taken")

func testDialect() Dialect {
	return Dialect{Name: "test", Classify: func(err error) Class {
		switch {
		case errors.Is(err, errDown):
			return Class{Kind: Unavailable, Advice: "start it"}
		case errors.Is(err, errTaken):
			return Class{Kind: Duplicate}
		}
		return Class{}
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
		{"no row", live, sql.ErrNoRows, []error{kit.ErrNotFound}, "kit: no such record"},
		{"no row, though the context is done", done, sql.ErrNoRows, []error{kit.ErrNotFound}, "kit: no such record"},
		{"taken, though the context is done", done, errTaken, []error{kit.ErrUserExists}, "kit: a user with this email exists"},
		{"conflict", done, kit.ErrConflict, []error{kit.ErrConflict}, "kit: the record was changed by somebody else"},
		{"context", done, errDown, []error{context.Canceled}, "test: do: context canceled"},
		{"down", live, fmt.Errorf("dial: %w", errDown), []error{kit.ErrUnavailable, errDown}, "test: do: kit: service unavailable: dial: down: start it"},
		{"pool closed", live, errors.New("sql: database is closed"), []error{kit.ErrUnavailable}, "test: do: kit: service unavailable: sql: database is closed"},
		{"store closed", live, errors.New("sql: statement is closed"), []error{kit.ErrUnavailable}, "test: do: kit: service unavailable: sql: statement is closed"},
		{"connection closed", live, sql.ErrConnDone, []error{kit.ErrUnavailable}, "test: do: kit: service unavailable: sql: connection is already closed"},
		{"connection lost", live, driver.ErrBadConn, []error{kit.ErrUnavailable}, "test: do: kit: service unavailable: driver: bad connection"},
		{"bug", live, bug, []error{bug}, "test: do: no such column"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Store{dialect: testDialect()}
			got := s.duplicate(c.ctx, "do", c.err, kit.ErrUserExists)
			if got == nil {
				if c.err != nil {
					t.Fatal("the error is gone")
				}
				return
			}
			if got.Error() != c.text {
				t.Errorf("text %q, want %q", got, c.text)
			}
			for _, sentinel := range []error{kit.ErrNotFound, kit.ErrConflict, kit.ErrUserExists, kit.ErrUnavailable, context.Canceled, errDown, bug} {
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

func TestRoles(t *testing.T) {
	for _, roles := range [][]string{
		nil, {}, {"admin"}, {"b", "a"}, {`"`, `\`, "[]", ",", "a,b"}, {"\x00", "\u2028", "<&>", "\U0001f600", "e\u0301"},
	} {
		encoded, err := encodeRoles(roles)
		if err != nil {
			t.Fatal(err)
		}
		if decoded, err := decodeRoles(encoded); err != nil || !slices.Equal(decoded, roles) {
			t.Errorf("%q comes back as %q, %v", roles, decoded, err)
		}
	}
	for _, bad := range []string{"", "{}", "[1]", "admin"} {
		if roles, err := decodeRoles(bad); err == nil {
			t.Errorf("%q was read as %q", bad, roles)
		}
	}
}

// A database that does not suit is told so, and nothing is done to it.
func TestSuits(t *testing.T) {
	db := sql.OpenDB(elusive{})
	t.Cleanup(func() { _ = db.Close() })
	d, wrong := testDialect(), errors.New("this one cannot write Greek: make another")
	d.Suits = func(context.Context, *sql.Conn) error { return wrong }
	if err := Migrate(t.Context(), db, d, fstest.MapFS{}); !errors.Is(err, wrong) || err.Error() != "test: migrate: "+wrong.Error() {
		t.Errorf("Migrate: %v", err)
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
			files[name] = &fstest.MapFile{}
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
// changed, is a fault of the database or the work of many others: nobody waits for it
// to end.
func TestSwapGivesUp(t *testing.T) {
	db := sql.OpenDB(elusive{})
	t.Cleanup(func() { _ = db.Close() })
	s, err := New(t.Context(), db, testDialect())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for method, err := range map[string]error{
		"users":  s.Users().Update(t.Context(), kit.User{ID: "1", Version: 7}),
		"tokens": s.Tokens().Update(t.Context(), kit.Token{ID: "1", Version: 7}),
	} {
		if !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "made anew") {
			t.Errorf("Update of %s: %v", method, err)
		}
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
func (elusive) Columns() []string                            { return []string{"version"} }
func (e *elusive) Next(row []driver.Value) error {
	if e.read {
		return io.EOF
	}
	e.read, row[0] = true, int64(7)
	return nil
}

// A writer whose turn does not come leaves with its context.
func TestWritersQueue(t *testing.T) {
	s := &Store{dialect: testDialect(), writers: make(chan struct{}, 1)}
	s.writers <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.write(ctx, userDelete, "1"); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
}

// What follows a write keeps nobody from writing.
func TestAfterWriteHasNoTurn(t *testing.T) {
	db := sql.OpenDB(elusive{})
	t.Cleanup(func() { _ = db.Close() })
	var s *Store
	calls := 0
	d := testDialect()
	d.MaxWriters = 1
	d.AfterWrite = func(ctx context.Context, pool *sql.DB) {
		if calls++; pool != db {
			t.Error("this is another pool")
		}
		if calls > 1 {
			return
		}
		if _, err := s.write(ctx, userDelete, "2"); err != nil {
			t.Errorf("write: %v", err)
		}
	}
	s, err := New(t.Context(), db, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := s.write(ctx, userDelete, "1"); err != nil || calls != 2 {
		t.Errorf("write: %v, and %d calls of AfterWrite, want 2", err, calls)
	}
	cancel()
	if _, err := s.write(ctx, userDelete, "3"); !errors.Is(err, context.Canceled) || calls != 2 {
		t.Errorf("a write that fails: %v, and %d calls of AfterWrite, want none", err, calls-2)
	}
}

// lossy is a database, and all that belongs to one, whose connections break before they
// answer, and which counts what it was told to change.
type lossy struct{ changes *int }

func (l lossy) Connect(context.Context) (driver.Conn, error) { return l, nil }
func (lossy) Driver() driver.Driver                          { return nil }
func (lossy) Prepare(string) (driver.Stmt, error)            { return nil, errDown }
func (lossy) Begin() (driver.Tx, error)                      { return nil, errDown }
func (lossy) Close() error                                   { return nil }
func (lossy) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &elusive{}, nil
}

func (l lossy) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	*l.changes++
	return nil, driver.ErrBadConn
}

// Package sql runs a statement again when a connection breaks. A write whose answer was
// lost may have had its effect.
func TestAWriteIsSentOnce(t *testing.T) {
	changes := 0
	db := sql.OpenDB(lossy{&changes})
	t.Cleanup(func() { _ = db.Close() })
	s, err := New(t.Context(), db, testDialect())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Users().Create(t.Context(), kit.User{}); !errors.Is(err, kit.ErrUnavailable) || changes != 1 {
		t.Errorf("Create on a connection that breaks: %v, sent %d times", err, changes)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Users().Create(t.Context(), kit.User{}); !errors.Is(err, kit.ErrUnavailable) || changes != 1 {
		t.Errorf("Create in a store that was closed: %v, sent %d times", err, changes-1)
	}
}

func TestNamesOfTables(t *testing.T) {
	d := testDialect()
	d.Schema, d.Prefix = `"Auth"`, "app_"
	_, qualify, err := d.locate(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`SELECT id, user_id, token_type FROM tokens WHERE user_id = $1`: `SELECT id, user_id, token_type FROM "Auth".app_tokens WHERE user_id = $1`,
		maxVersion: `SELECT coalesce(max(version), 0) FROM "Auth".app_myauth_migrations`,
	} {
		if got := qualify(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	const index = `CREATE UNIQUE INDEX users_email_key ON users (email_key)`
	if got := rename(index, d.Prefix); got != `CREATE UNIQUE INDEX app_users_email_key ON app_users (email_key)` {
		t.Errorf("a migration becomes %s", got)
	}
}
