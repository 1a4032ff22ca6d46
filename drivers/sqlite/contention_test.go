package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// race calls do n times at once and returns how many calls succeeded; the others
// must have failed with loss.
func race(t *testing.T, n int, do func(ctx context.Context, i int) error, loss error) (won int) {
	t.Helper()
	start := make(chan struct{})
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(t.Context(), i)
		})
	}
	close(start)
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, loss) {
			t.Error(err)
		}
	}
	return won
}

// lock keeps the write lock of the database until the returned function is called.
func lock(t testing.TB, path string) (unlock func()) {
	t.Helper()
	tx, err := rawDB(t, path).BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		t.Fatal(err)
	}
	return func() { tx.Rollback() }
}

// The waits below are SQLite's own, so they take real time.
const shortWait = 50 * time.Millisecond

// bound is generous: it tells a wait that the context ended from one of 5 seconds.
const bound = 4 * time.Second

func TestContextEndsTheWaitForALock(t *testing.T) {
	path := tempFile(t)
	store := open(t, path)
	if err := store.Users().Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	defer lock(t, path)()
	begin := time.Now()
	for range 2 { // also for the one that queues behind the first
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), shortWait)
				defer cancel()
				if err := store.Users().Create(ctx, newUser("2")); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Create: %v, want the context's error", err)
				}
			})
		}
		wg.Wait()
	}
	if took := time.Since(begin); took > bound {
		t.Errorf("it took %v", took)
	}
	// Readers do not wait for a writer.
	if _, err := store.Users().ByID(t.Context(), "1"); err != nil {
		t.Error(err)
	}
	if _, err := store.Users().ByID(t.Context(), "2"); !errors.Is(err, kit.ErrNotFound) {
		t.Errorf("ByID: %v, want ErrNotFound", err)
	}
}

// The busy timeout ends the wait of a writer, and together that of those who queue behind it.
func TestBusyTimeoutIsUnavailable(t *testing.T) { synctest.Test(t, busyTimeoutIsUnavailable) }

func busyTimeoutIsUnavailable(t *testing.T) {
	path := tempFile(t)
	store, err := sqlite.Open(t.Context(), path, &sqlite.Options{BusyTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	unlock := lock(t, path)
	begin := time.Now()
	create := func(ctx context.Context, i int) error { return store.Users().Create(ctx, newUser(fmt.Sprint(i))) }
	if won := race(t, 16, create, kit.ErrUnavailable); won > 0 {
		t.Errorf("%d have written beside a lock", won)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	unlock()
	if err := create(t.Context(), 1); err != nil {
		t.Error("after the lock:", err)
	}
}

// Writers that wait hold no connection, or readers would wait with them.
func TestWaitingWritersLeaveConnectionsToReaders(t *testing.T) {
	path := tempFile(t)
	store, err := sqlite.Open(t.Context(), path, &sqlite.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	defer lock(t, path)()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { store.Users().Create(ctx, newUser(fmt.Sprint(i))) })
	}
	for range 100 {
		read, done := context.WithTimeout(t.Context(), bound/2) // the writers wait longer
		if _, err := store.Users().ByID(read, "1"); !errors.Is(err, kit.ErrNotFound) {
			t.Error(err)
			done()
			break
		}
		done()
	}
	cancel()
	wg.Wait()
}

func TestContextEndsTheWaitForAConnection(t *testing.T) {
	store, err := sqlite.Open(t.Context(), tempFile(t), &sqlite.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conn, err := sqlite.Pool(store).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, call := range allMethods(store.Users(), store.Tokens()) {
		ctx, cancel := context.WithTimeout(t.Context(), shortWait/10)
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want the context's error", name, err)
		}
		cancel()
	}
}

// A caller's pool may keep SQLite's rollback journal, have no busy timeout worth the
// name, and start transactions as deferred.
func TestNewOnAPlainPool(t *testing.T) {
	path := tempFile(t)
	var handles []*sqlite.Store
	for range 2 {
		store, err := sqlite.New(t.Context(), rawDB(t, path), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		handles = append(handles, store)
	}
	if err := handles[0].Users().Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	for version := int64(1); version < 4; version++ {
		if won := race(t, 16, func(ctx context.Context, i int) error {
			u := newUser("1")
			u.Version = version
			return handles[i%2].Users().Update(ctx, u)
		}, kit.ErrConflict); won != 1 {
			t.Fatalf("%d winners", won)
		}
	}
}
