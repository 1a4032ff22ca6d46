package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// rawDB returns a plain pool, with the driver's own settings: no WAL, deferred
// transactions.
func rawDB(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// checkMigrated verifies that every migration was applied once.
func checkMigrated(t *testing.T, path string) {
	t.Helper()
	var n, last int
	row := rawDB(t, path).QueryRowContext(t.Context(), "SELECT count(*), max(version) FROM myauth_migrations")
	if err := row.Scan(&n, &last); err != nil || n != 1 || last != 1 {
		t.Errorf("%d migrations up to %d, %v", n, last, err)
	}
	if _, err := open(t, path).Users().ByID(t.Context(), "1"); err == nil {
		t.Error("a user out of nowhere")
	}
}

func TestConcurrentOpenMigratesOnce(t *testing.T) {
	for range 5 {
		path := tempFile(t)
		start := make(chan struct{})
		errs := make([]error, 16)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				<-start
				store, err := sqlite.Open(t.Context(), path, nil)
				if err == nil {
					err = store.Close()
				}
				errs[i] = err
			})
		}
		close(start)
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		checkMigrated(t, path)
	}
}

// A file from elsewhere has SQLite's rollback journal, and many switch it to WAL.
func TestConcurrentOpenSwitchesToWAL(t *testing.T) {
	for range 5 {
		path := tempFile(t)
		store, err := sqlite.New(t.Context(), rawDB(t, path), nil)
		if err != nil {
			t.Fatal(err)
		}
		store.Close()
		handles := make([]*sqlite.Store, 16)
		if won := race(t, len(handles), func(_ context.Context, i int) (err error) {
			handles[i], err = sqlite.Open(t.Context(), path, nil)
			return err
		}, nil); won != len(handles) {
			t.Fatalf("%d handles of %d could start", won, len(handles))
		}
		for _, store := range handles {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTwoProcessesMigrateOnce(t *testing.T) {
	for range 3 {
		path := tempFile(t)
		var inputs []io.WriteCloser
		var waits []func() error
		for range 2 {
			cmd := process(t, "open", path)
			input, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			inputs, waits = append(inputs, input), append(waits, cmd.Wait)
		}
		for _, input := range inputs {
			if _, err := io.WriteString(input, "go\n"); err != nil {
				t.Fatal(err)
			}
		}
		for _, wait := range waits {
			if err := wait(); err != nil {
				t.Error("a process failed:", err)
			}
		}
		checkMigrated(t, path)
	}
}

// laterMigrations are the driver's files and some that came later.
func laterMigrations(t *testing.T, later ...string) fs.FS {
	t.Helper()
	const first = "migrations/0001_tables.sql"
	text, err := fs.ReadFile(sqlite.Migrations, first)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{first: {Data: text}}
	for i, text := range later {
		files[fmt.Sprintf("migrations/%04d_later.sql", i+2)] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func TestLaterMigrationsKeepTheData(t *testing.T) {
	path := tempFile(t)
	store := open(t, path)
	if err := store.Users().Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	db := rawDB(t, path)
	files := laterMigrations(t, "ALTER TABLE users ADD COLUMN extra TEXT; CREATE TABLE more (id INTEGER);", "UPDATE users SET extra = 'x'")
	for range 2 { // the second time there is nothing to do
		if err := sqlite.Migrate(t.Context(), db, files); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM users WHERE extra = 'x'").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d users, %v", n, err)
	}
	// An instance that has not been updated yet, and is running, goes on with the rows that it
	// understands, and is no longer ready.
	if _, err := store.Users().ByID(t.Context(), "1"); err != nil {
		t.Error(err)
	}
	if err := store.Users().Ping(t.Context()); !errors.Is(err, sqlite.ErrNewerSchema) || !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("Ping: %v, want ErrNewerSchema", err)
	}
}

func TestConcurrentUpgradesMigrateOnce(t *testing.T) {
	for range 5 {
		path := tempFile(t)
		open(t, path)
		files := laterMigrations(t, "CREATE TABLE more (id INTEGER)")
		handles := make([]*sql.DB, 16)
		for i := range handles {
			handles[i] = rawDB(t, path)
		}
		if won := race(t, len(handles), func(ctx context.Context, i int) error {
			return sqlite.Migrate(ctx, handles[i], files)
		}, nil); won != len(handles) {
			t.Fatalf("%d handles of %d could start", won, len(handles))
		}
	}
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	path := tempFile(t)
	open(t, path)
	db := rawDB(t, path)
	err := sqlite.Migrate(t.Context(), db, laterMigrations(t, "CREATE TABLE more (id INTEGER)", "CREATE TABLE more (id INTEGER)"))
	if err == nil || !strings.Contains(err.Error(), "0003_later.sql") {
		t.Errorf("error %v, want the name of the file in it", err)
	}
	checkMigrated(t, path)
	mustExec(t, db, "CREATE TABLE more (id INTEGER)") // so it is not there, and no lock is left
}

func TestNewEndsWithItsContext(t *testing.T) {
	path := tempFile(t)
	defer lock(t, path)()
	ctx, cancel := context.WithTimeout(t.Context(), shortWait)
	defer cancel()
	if store, err := sqlite.New(ctx, rawDB(t, path), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("New: %v, %v", store, err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := tempFile(t)
	open(t, path)
	db := rawDB(t, path)
	mustExec(t, db, "INSERT INTO myauth_migrations (version, name) VALUES (2, '0002_from_the_future.sql')")
	_, err := sqlite.Open(t.Context(), path, nil)
	if !errors.Is(err, sqlite.ErrNewerSchema) || !strings.Contains(err.Error(), "schema version 2, known up to 1") {
		t.Errorf("Open: %v", err)
	}
	if _, err := sqlite.New(t.Context(), db, nil); !errors.Is(err, sqlite.ErrNewerSchema) {
		t.Errorf("New: %v", err)
	}
}

func TestAnotherTableOfTheNameIsLeftAlone(t *testing.T) {
	db := rawDB(t, tempFile(t))
	mustExec(t, db, "CREATE TABLE tokens (mine TEXT)")
	_, err := sqlite.New(t.Context(), db, nil)
	if err == nil || !strings.Contains(err.Error(), "table tokens already exists: the file has a table or index of this name that is not MyAuth") {
		t.Fatalf("New: %v", err)
	}
	// Nothing of the migration stays.
	var tables string
	if err := db.QueryRowContext(t.Context(), "SELECT group_concat(name) FROM sqlite_schema").Scan(&tables); err != nil || tables != "tokens" {
		t.Errorf("tables %q, %v", tables, err)
	}
	mustExec(t, db, "INSERT INTO tokens (mine) VALUES ('still works')")
}

// A schema that is up to date is only read, so a start does not wait for a writer.
func TestOpenBesideALongWriter(t *testing.T) {
	path := tempFile(t)
	open(t, path)
	db := rawDB(t, path)
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	store, err := sqlite.Open(t.Context(), path, &sqlite.Options{BusyTimeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Users().Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
