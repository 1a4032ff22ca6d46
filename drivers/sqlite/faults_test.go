package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

func TestFullDisk(t *testing.T) {
	db := rawDB(t, tempFile(t))
	db.SetMaxOpenConns(1) // the limit is the connection's
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	mustExec(t, db, "PRAGMA max_page_count = 30")
	n := 0
	for err == nil && n < 10000 {
		if err = store.Users().Create(t.Context(), newUser(fmt.Sprint(n))); err == nil {
			n++
		}
	}
	if !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("Create: %v", err)
	}
	// What was acknowledged is there, what failed is not, and reading goes on.
	if _, err := store.Users().ByID(t.Context(), fmt.Sprint(n-1)); err != nil {
		t.Error(err)
	}
	if _, err := store.Users().ByID(t.Context(), fmt.Sprint(n)); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("ByID: %v, want ErrNotFound", err)
	}
	mustExec(t, db, "PRAGMA max_page_count = 10000")
	if err := store.Users().Create(t.Context(), newUser(fmt.Sprint(n))); err != nil {
		t.Error("with space again:", err)
	}
}

func TestReadOnlyDatabase(t *testing.T) {
	path := tempFile(t)
	if err := open(t, path).Users().Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(path)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Users().ByID(t.Context(), "1"); err != nil {
		t.Error(err)
	}
	if err := store.Users().Create(t.Context(), newUser("2")); !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "let this user write") {
		t.Errorf("Create: %v", err)
	}
}

// A damaged file is an outage and never "not found".
func TestDamagedFile(t *testing.T) {
	path := tempFile(t)
	store, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if err := store.Tokens().Create(t.Context(), newToken(fmt.Sprint(i), "u")); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 12 * 4096; i < len(content); i++ { // behind the schema and the first pages
		content[i] ^= 0x55
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	store = open(t, path)
	damaged := 0
	for i := range 200 {
		_, err := store.Tokens().ByID(t.Context(), fmt.Sprint(i))
		switch {
		case errors.Is(err, kit.ErrNotFound):
			t.Errorf("token %d: %v", i, err)
		case errors.Is(err, kit.ErrUnavailable):
			damaged++
		case err != nil:
			t.Errorf("token %d: %v, want ErrUnavailable", i, err)
		}
	}
	if damaged == 0 {
		t.Error("the damage was not met: the test is worth nothing")
	}
}

// The text of an error must not hold what was stored or asked for.
func TestErrorsHoldNoValues(t *testing.T) {
	db := rawDB(t, tempFile(t))
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const secret = "PASSWORD-HASH"
	u := newUser("1")
	u.PasswordHash = secret
	if err := store.Users().Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, "UPDATE users SET roles = 'PASSWORD-HASH'")
	_, scanErr := store.Users().ByID(t.Context(), "1")
	mustExec(t, db, "ALTER TABLE users RENAME TO elsewhere")
	createErr := store.Users().Create(t.Context(), u)
	for _, err := range []error{scanErr, createErr} {
		if err == nil || strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "sqlite: ") || errors.Is(err, kit.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	}
	if errors.Is(scanErr, kit.ErrUnavailable) {
		t.Errorf("a broken record passes for an outage: %v", scanErr)
	}
	if !errors.Is(createErr, kit.ErrUnavailable) || !strings.Contains(createErr.Error(), "tables are gone") {
		t.Errorf("a table that is gone: %v", createErr)
	}
}

// A panic of a statement that runs for many callers leaves none of them waiting, nor those who come later.
// Package sql gives the connection to nobody any more, and SQLite's lock is held until the process ends.
func TestAPanicWhileManyWrite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the file stays open, and cannot be removed")
	}
	db, err := driver.Open("file:"+filepath.ToSlash(tempFile(t))+"?_pragma=busy_timeout(10)&_pragma=journal_mode(wal)", func(conn *sqlite3.Conn) error {
		return conn.CreateFunction("panics", 0, sqlite3.INNOCUOUS, func(sqlite3.Context, ...sqlite3.Value) { panic("a panic") })
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, `CREATE TRIGGER bad AFTER INSERT ON users WHEN new.id = '3' BEGIN SELECT panics(); END`)
	create := func(i int) (err error) {
		defer func() {
			if recover() != nil {
				err = kit.ErrUnavailable
			}
		}()
		return store.Users().Create(context.WithoutCancel(t.Context()), newUser(fmt.Sprint(i)))
	}
	errs := make(chan error, callers)
	if err := store.Transaction(t.Context(), func(kit.Stores) error {
		for i := range callers {
			go func() { errs <- create(i) }()
		}
		for sqlite.Waiting(store) < callers {
			runtime.Gosched()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for range callers {
		select {
		case err := <-errs:
			if !errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("Create: %v, want kit.ErrUnavailable", err)
			}
		case <-time.After(bound):
			t.Fatal("a caller is waiting")
		}
	}
	if err := create(callers); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("a later Create: %v, want kit.ErrUnavailable", err)
	}
	if _, err := store.Users().ByID(t.Context(), "1"); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("ByID: %v, want kit.ErrNotFound", err)
	}
}
