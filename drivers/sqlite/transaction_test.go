package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"myauth.internal/conformance/sqltx"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// sharedPool is a pool as the README tells an application to make one.
func sharedPool(t testing.TB, path string) (*sql.DB, *sqlite.Store) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(path)+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return db, store
}

// immediate takes the write lock when a transaction begins.
var immediate = &sql.TxOptions{Isolation: sql.LevelSerializable}

func TestInTx(t *testing.T) {
	sqltx.Run(t, func(t testing.TB) sqltx.Open {
		path := tempFile(t)
		return func(t testing.TB) sqltx.Handle {
			db, store := sharedPool(t, path)
			return sqltx.Handle{DB: db, Stores: store.Stores(), InTx: store.InTx, Transaction: store.Transaction, Begin: immediate, Newer: newer(db)}
		}
	})
}

func begin(t *testing.T, db *sql.DB, opts *sql.TxOptions) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func TestInTxOfAnotherPool(t *testing.T) {
	path := tempFile(t)
	_, store := sharedPool(t, path)
	users := store.InTx(begin(t, rawDB(t, path), immediate)).Users
	if err := users.Create(t.Context(), newUser("1")); err == nil || errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("Create: %v, want that the transaction is of another pool", err)
	}
	if _, err := store.Users().ByID(t.Context(), "1"); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("ByID: %v", err)
	}
}

// A write in a transaction does not queue behind those of the store, the first of which waits for
// the transaction.
func TestInTxBesideAWriterThatWaits(t *testing.T) {
	db, store := sharedPool(t, tempFile(t))
	tx := begin(t, db, immediate)
	written := make(chan error, 1)
	go func() { written <- store.Users().Create(context.WithoutCancel(t.Context()), newUser("later")) }()
	for db.Stats().InUse < 2 { // the writer has its turn, and a connection
	}
	users := store.InTx(tx).Users
	if err := users.Create(t.Context(), newUser("first")); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// A deferred transaction that has read cannot write once somebody else has, and says so at once.
func TestInTxThatWasDeferred(t *testing.T) {
	db, store := sharedPool(t, tempFile(t))
	tx := begin(t, db, nil)
	users := store.InTx(tx).Users
	if _, err := users.ByID(t.Context(), "1"); !errors.Is(err, kit.ErrNotFound) {
		t.Fatal(err)
	}
	if err := store.Users().Create(t.Context(), newUser("theirs")); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := users.Create(t.Context(), newUser("ours")); !errors.Is(err, kit.ErrUnavailable) || time.Since(start) > bound {
		t.Errorf("Create after %v: %v, want kit.ErrUnavailable at once", time.Since(start), err)
	}
	if err := tx.Commit(); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("Commit: %v, want that the transaction was rolled back", err)
	}
}

// The first write of a deferred transaction waits for the lock until its context ends.
func TestInTxEndsWithItsContext(t *testing.T) {
	path := tempFile(t)
	db, store := sharedPool(t, path)
	defer lock(t, path)()
	tx := begin(t, db, nil)
	ctx, cancel := context.WithTimeout(t.Context(), shortWait)
	defer cancel()
	start := time.Now()
	if err := store.InTx(tx).Users.Create(ctx, newUser("1")); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > bound {
		t.Errorf("Create after %v: %v, want context.DeadlineExceeded", time.Since(start), err)
	}
	if err := tx.Commit(); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("Commit: %v, want that the transaction was rolled back", err)
	}
}

// When a write is interrupted SQLite rolls back, and each later statement would be a transaction of
// its own.
func TestInTxThatIsInterrupted(t *testing.T) {
	db, store := sharedPool(t, tempFile(t))
	mustExec(t, db, `CREATE TABLE profiles (user_id TEXT);
		CREATE TRIGGER slow AFTER INSERT ON users BEGIN
			SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n);
		END`)
	tx := begin(t, db, immediate)
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO profiles VALUES ('before')"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), shortWait)
	defer cancel()
	if err := store.InTx(tx).Users.Create(ctx, newUser("1")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Create: %v, want context.DeadlineExceeded", err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO profiles VALUES ('after')"); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("a statement after it: %v, want that the transaction is over", err)
	}
	if err := tx.Commit(); err == nil {
		t.Error("it is committed")
	}
	var rows int
	if err := db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM profiles) + (SELECT count(*) FROM users)").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// So it is when a read fails.
func TestInTxThatCannotRead(t *testing.T) {
	disk := &failingDisk{VFSFilename: vfs.Find("").(vfs.VFSFilename)}
	vfs.Register(t.Name(), disk)
	t.Cleanup(func() { vfs.Unregister(t.Name()) })
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(tempFile(t))+"?_pragma=cache_size(2)&vfs="+t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	mustExec(t, db, "CREATE TABLE profiles (user_id TEXT)")
	for i := range 50 { // more than the cache has room for
		if err := store.Users().Create(t.Context(), newUser(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	tx := begin(t, db, immediate)
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO profiles VALUES ('before')"); err != nil {
		t.Fatal(err)
	}
	disk.fails.Store(true)
	_, err = store.InTx(tx).Users.ByID(t.Context(), "1")
	disk.fails.Store(false)
	if !errors.Is(err, kit.ErrUnavailable) {
		t.Fatalf("ByID: %v, want kit.ErrUnavailable", err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO profiles VALUES ('after')"); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("a statement after it: %v, want that the transaction is over", err)
	}
	var rows int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM profiles").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// failingDisk is a file system whose files cannot be read while fails is set.
type failingDisk struct {
	vfs.VFSFilename
	fails atomic.Bool
}

func (d *failingDisk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := d.VFSFilename.OpenFilename(name, flags)
	if err != nil {
		return nil, flags, err
	}
	return failingFile{f, d}, flags, nil
}

type failingFile struct {
	vfs.File
	disk *failingDisk
}

func (f failingFile) ReadAt(b []byte, offset int64) (int, error) {
	if f.disk.fails.Load() {
		return 0, sqlite3.IOERR_READ
	}
	return f.File.ReadAt(b, offset)
}

func TestInTxOfAClosedStore(t *testing.T) {
	db, store := sharedPool(t, tempFile(t))
	stores := store.InTx(begin(t, db, immediate))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	checkUnavailable(t, stores.Users, stores.Tokens)
}
