package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

// patience is what something may take that goes on for minutes, or for ever, where
// it goes wrong.
const patience = 5 * time.Second

// within fails the test where f has not returned in time.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		t.Errorf("%s has not ended after %v", what, patience)
	}
}

// pool returns a pool as an application makes it, closed when the test ends.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

func pool(t testing.TB, dataSource string, dial dialFunc, conns int) *sql.DB {
	t.Helper()
	connector, err := postgres.NewConnector(dataSource, &postgres.Options{Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	t.Cleanup(func() { _ = db.Close() }) // some are broken
	return db
}

// warm lets a pool have that many idle connections, each of which use has used.
func warm(t *testing.T, db *sql.DB, n int, use func()) {
	t.Helper()
	var held []*sql.Conn
	for range n {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	for _, conn := range held {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		use() // the pool takes the one that came back last
	}
}

// until waits for a query to answer that it is so.
func until(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		var so bool
		if err := db.QueryRowContext(t.Context(), query).Scan(&so); err != nil {
			t.Error(err)
			return
		}
		if so {
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			t.Error("this is not so after 10 s:", query)
			return
		}
	}
}

// lookUp lets the store prepare and run a statement.
func lookUp(t *testing.T, store *postgres.Store) func() {
	return func() {
		t.Helper()
		if _, err := store.Users().ByID(t.Context(), "nobody"); !errors.Is(err, kit.ErrNotFound) {
			t.Fatal(err)
		}
	}
}

// Package sql closes statements with the whole pool locked, so that must not wait
// for the server.
func TestCloseWhileNothingAnswers(t *testing.T) {
	t.Run("its own pool", func(t *testing.T) {
		n := conformance.NewNetwork(t)
		store, err := postgres.Open(t.Context(), schema(t), &postgres.Options{Dial: n.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		warm(t, postgres.Pool(store), 4, lookUp(t, store))
		defer n.Hang()()
		within(t, "Close", func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a shared pool", func(t *testing.T) {
		n := conformance.NewNetwork(t)
		db := pool(t, schema(t), n.DialContext, 4)
		store, err := postgres.New(t.Context(), db, nil)
		if err != nil {
			t.Fatal(err)
		}
		warm(t, db, 4, lookUp(t, store))
		release := n.Hang()
		defer release()
		within(t, "Close", func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		within(t, "another call on the pool", func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if err := db.PingContext(ctx); err == nil {
				t.Error("the network does not hang")
			}
		})
	})
	t.Run("a full buffer", func(t *testing.T) {
		var on atomic.Bool
		store, err := postgres.Open(t.Context(), schema(t), &postgres.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, address)
			return full{nc, &on}, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		on.Store(true)
		within(t, "Close", func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	})
	// A call under way that no context ends keeps its own connection only.
	t.Run("a call under way", func(t *testing.T) {
		n := conformance.NewNetwork(t)
		store, err := postgres.Open(t.Context(), schema(t), &postgres.Options{Dial: n.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		release := n.Hang()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			_, _ = store.Users().ByID(context.WithoutCancel(t.Context()), "nobody") // whatever it is
		}()
		for postgres.Pool(store).Stats().InUse == 0 {
			runtime.Gosched()
		}
		within(t, "Close", func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		release()
		<-answered
	})
}

// full is a connection that takes no more to send, until its deadline.
type full struct {
	net.Conn
	on *atomic.Bool
}

func (c full) Write(b []byte) (int, error) {
	if c.on.Load() {
		return c.Read(make([]byte, 1)) // nothing comes
	}
	return c.Conn.Write(b)
}

// What a store prepares on a pool of the application is there once on each connection,
// however often it is opened.
func TestStatementsOnTheServer(t *testing.T) {
	db := pool(t, schema(t), nil, 1)
	for range 3 {
		store, err := postgres.New(t.Context(), db, nil)
		if err != nil {
			t.Fatal(err)
		}
		lookUp(t, store)()
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&n); err != nil || n < 1 || n > 2 {
			t.Errorf("%d statements are prepared, %v, want that of the look-up and, since New ran it again, that of the schema's version", n, err)
		}
	}
}

// Of the connections that a restart ended one write finds out, and the rest is
// tried before it is used.
func TestOneWriteFailsPerRestart(t *testing.T) {
	const conns = 8
	dataSource := schema(t)
	store := open(t, with(t, dataSource, "application_name", t.Name()), &postgres.Options{MaxConns: conns})
	server := admin(t, dataSource)
	created := 0
	create := func() error {
		created++
		return store.Users().Create(t.Context(), newUser(fmt.Sprint("u", created)))
	}
	warm(t, postgres.Pool(store), conns, func() {
		if err := create(); err != nil {
			t.Fatal(err)
		}
	})
	for n := 1; n > 0; {
		const end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1"
		if err := server.QueryRowContext(t.Context(), end, t.Name()).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	failed := 0
	for range 2 * conns {
		err := create()
		if err == nil {
			continue
		}
		failed++
		if !errors.Is(err, kit.ErrUnavailable) || strings.Contains(err.Error(), "argument") || !strings.Contains(err.Error(), "before the answer came") {
			t.Errorf("Create on a connection that the server ended: %v", err)
		}
	}
	if failed > 1 {
		t.Errorf("%d writes failed after the server ended %d connections, want at most 1", failed, conns)
	}
}

// forgetful is a network that forgets the connections there are when it is told to,
// as firewalls do with those that are idle: what is written there is swallowed.
type forgetful struct{ forgotten atomic.Pointer[silence] }

func (f *forgetful) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return f.forgotten.Load().dial(ctx, network, address)
}

func (f *forgetful) forget() {
	old := f.forgotten.Swap(new(silence))
	old.on.Store(true)
}

func TestIdleConnectionsThatWereForgotten(t *testing.T) {
	const conns = 4
	network := new(forgetful)
	network.forgotten.Store(new(silence))
	store := open(t, schema(t), &postgres.Options{MaxConns: conns, Dial: network.dial})
	warm(t, postgres.Pool(store), conns, lookUp(t, store))
	idle := time.NewTimer(postgres.IdleCheck + 100*time.Millisecond)
	<-idle.C
	network.forget()
	for i := range conns {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := store.Users().Create(ctx, newUser(fmt.Sprint("u", i))); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// tunnel has errors of its own, which lib/pq does not know. Left is how many more
// bytes come through.
type tunnel struct {
	net.Conn
	left *atomic.Int64
}

func (c tunnel) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.left.Add(-int64(n)) < 0 {
		return 0, errors.New("tunnel: the session is gone")
	}
	return n, err
}

func TestErrorsOfATunnel(t *testing.T) {
	var left atomic.Int64
	left.Store(math.MaxInt64)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		return tunnel{nc, &left}, err
	}
	store := open(t, schema(t), &postgres.Options{MaxConns: 1, Dial: dial})
	db := postgres.Pool(store)
	const size = 100_000 // many times what is read at once
	for i := range 10 {
		token := kit.Token{ID: fmt.Sprint("t", i), Type: kit.RefreshToken, UserID: "u", Salt: make([]byte, size/10), Version: 1}
		if err := store.Tokens().Create(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	for name, call := range map[string]func() error{
		"read": func() error {
			left.Store(0)
			_, err := store.Users().ByID(t.Context(), "nobody")
			return err
		},
		"write": func() error {
			left.Store(0)
			return store.Users().Create(t.Context(), newUser("u"))
		},
		"rows": func() error {
			left.Store(size / 2)
			_, err := store.Tokens().ByUser(t.Context(), "u", "", 10)
			return err
		},
		"the end of rows": func() error {
			rows, err := db.QueryContext(t.Context(), "SELECT salt FROM tokens")
			if err != nil {
				return err
			}
			left.Store(0)
			return rows.Close()
		},
		"begin": func() error {
			left.Store(0)
			tx, err := db.BeginTx(t.Context(), nil)
			if err == nil {
				err = tx.Rollback()
			}
			return err
		},
		"commit": func() error {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			left.Store(0)
			return tx.Commit()
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := db.PingContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			err := call()
			if err == nil {
				t.Error("the tunnel is not gone")
			}
			if (name == "read" || name == "write" || name == "rows") && !errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("got %v, want kit.ErrUnavailable", err)
			}
			left.Store(math.MaxInt64)
			if err := db.PingContext(t.Context()); err != nil {
				t.Errorf("the call after it, on a new connection: %v", err)
			}
		})
	}
}

// A statement that the server no longer knows, or not so, would fail for as long as
// its connection is used. It is prepared anew, and nobody notices.
func TestStatementsThatAreGone(t *testing.T) {
	for _, change := range []string{
		"DEALLOCATE ALL",
		"ALTER TABLE users ALTER COLUMN session_epoch TYPE numeric", // the cached plan's result is of another type
	} {
		store := open(t, schema(t), &postgres.Options{MaxConns: 1})
		if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Users().ByID(t.Context(), "u"); err != nil {
			t.Fatal(err)
		}
		exec(t, postgres.Pool(store), change)
		if u, err := store.Users().ByID(t.Context(), "u"); err != nil || u.ID != "u" {
			t.Errorf("a read after %s: %v", change, err)
		}
	}
	store := open(t, schema(t), &postgres.Options{MaxConns: 1})
	for _, id := range []string{"u", "v"} {
		if err := store.Users().Create(t.Context(), newUser(id)); err != nil {
			t.Errorf("creating %s: %v", id, err)
		}
		exec(t, postgres.Pool(store), "DEALLOCATE ALL")
	}
}

// In a transaction, which that would end, statements go without names.
func TestAStatementThatIsGoneInATransaction(t *testing.T) {
	for _, change := range []string{"DEALLOCATE ALL", "ALTER TABLE users ALTER COLUMN session_epoch TYPE numeric"} {
		store := open(t, schema(t), &postgres.Options{MaxConns: 1})
		db := postgres.Pool(store)
		lookUp(t, store)()
		exec(t, db, change)
		tx := begin(t, db)
		if _, err := store.InTx(tx).Users.ByID(t.Context(), "nobody"); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("ByID after %s: %v", change, err)
		}
		if err := tx.Commit(); err != nil {
			t.Errorf("Commit after %s: %v", change, err)
		}
	}
}

// A transaction that is begun by a statement on the pool must not swallow the writes of
// the store that come after it.
func TestATransactionThatIsLeftOpen(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, &postgres.Options{MaxConns: 1})
	exec(t, postgres.Pool(store), "BEGIN")
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, admin(t, dataSource)); n != 1 {
		t.Errorf("%d users after Create was acknowledged", n)
	}
}

// The end of a transaction has no context of its own, so that of its beginning holds.
func TestTransactionsEndWithTheirContext(t *testing.T) {
	for name, end := range map[string]func(*sql.Tx) error{"Commit": (*sql.Tx).Commit, "Rollback": (*sql.Tx).Rollback} {
		t.Run(name, func(t *testing.T) {
			n := conformance.NewNetwork(t)
			db := pool(t, schema(t), n.DialContext, 1)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer n.Hang()()
			time.AfterFunc(100*time.Millisecond, cancel)
			within(t, name, func() {
				if err := end(tx); err == nil {
					t.Error("the network does not hang")
				}
			})
		})
	}
}

// A transaction that failed has been rolled back, and its connection is as good as
// before.
func TestCommitOfAFailedTransaction(t *testing.T) {
	store := open(t, schema(t), &postgres.Options{MaxConns: 1})
	db := postgres.Pool(store)
	before := backend(t, store)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "SELECT 1/0"); err == nil {
		t.Fatal("one can divide by zero")
	}
	if err := tx.Commit(); err == nil {
		t.Error("it was committed")
	}
	if after := backend(t, store); after != before {
		t.Error("the connection was thrown away")
	}
}
