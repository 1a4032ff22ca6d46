package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit/kittest"
)

// hangs is how long a request may take while its database does not answer.
const hangs = 5 * time.Second

// TestHangingStores lets each database hang, while more clients come than a pool has
// connections. Each is answered 503 in time, whether the account exists or not, and
// afterwards everything works without a restart.
func TestHangingStores(t *testing.T) {
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := conformance.NewNetwork(t)
			if name != "sqlite" {
				answeredWhile(t, open(t, n)(t), true, n.Hang)
				return
			}
			path := filepath.Join(t.TempDir(), "auth.db")
			s, err := sqlite.Open(t.Context(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			// Another process has the lock of writers; who only reads gets on.
			answeredWhile(t, conformance.Stores{Stores: s.Stores(), Close: s.Close}, false, func() func() {
				tx, err := pool(t, "sqlite3", "file:"+path+"?_txlock=immediate").Begin()
				if err != nil {
					t.Fatal(err)
				}
				return func() { tx.Rollback() }
			})
		})
	}
}

// TestExhaustedPools is the same for a pool of the application's of which the application
// has every connection in use.
func TestExhaustedPools(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "auth.db")
		db := pool(t, "sqlite3", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_txlock=immediate")
		s, err := sqlite.New(t.Context(), db, nil)
		if err != nil {
			t.Fatal(err)
		}
		answeredWhile(t, conformance.Stores{Stores: s.Stores(), Close: s.Close}, true, func() func() { return taken(t, db) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		db := pool(t, "postgres", schema(t)+"&binary_parameters=yes")
		s, err := postgres.New(t.Context(), db, nil)
		if err != nil {
			t.Fatal(err)
		}
		answeredWhile(t, conformance.Stores{Stores: s.Stores(), Close: s.Close}, true, func() func() { return taken(t, db) })
	})
}

const connections = 4

func pool(t *testing.T, driver, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(connections)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// taken takes every connection of the pool.
func taken(t *testing.T, db *sql.DB) (release func()) {
	t.Helper()
	conns := make([]*sql.Conn, connections)
	for i := range conns {
		var err error
		if conns[i], err = db.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, conn := range conns {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// answeredWhile sends requests of every kind while hang keeps the stores from answering;
// reads says whether that holds for reads as well.
func answeredWhile(t *testing.T, stores conformance.Stores, reads bool, hang func() (release func())) {
	t.Cleanup(func() {
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	})
	mailer := &kittest.Mailer{}
	svc := mixedService(t, stores, mailer, 0) // the timeout is the default
	a := newAccount(t, svc, mailer, "ada@example.com")
	web := httptest.NewServer(handlerOf(t, svc))
	t.Cleanup(web.Close)
	send := func(ctx context.Context, method, path string, fields map[string]string) (*http.Response, error) {
		body, _ := json.Marshal(fields) // strings always marshal
		r, err := http.NewRequestWithContext(ctx, method, web.URL+"/auth"+path, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+string(a.tokens.AccessToken))
		return web.Client().Do(r)
	}
	type request struct {
		method, path string
		fields       map[string]string
	}
	requests := []request{
		{"POST", "/login", map[string]string{"email": "ada@example.com", "password": mixedPassword}},
		{"POST", "/refresh", map[string]string{"refresh_token": string(a.tokens.RefreshToken)}},
		{"POST", "/register", map[string]string{"email": "grace@example.com", "username": "Grace", "password": mixedPassword}},
	}
	if reads {
		requests = append(requests,
			request{"GET", "/me", nil},
			request{"POST", "/login", map[string]string{"email": "nobody@example.com", "password": mixedPassword}},
			request{"POST", "/password-reset-request", map[string]string{"email": "ada@example.com"}},
			request{"POST", "/password-reset-request", map[string]string{"email": "nobody@example.com"}})
	}

	release := sync.OnceFunc(hang())
	defer release()
	var clients sync.WaitGroup
	for i := range 6 * len(requests) {
		clients.Go(func() {
			r := requests[i%len(requests)]
			ctx, cancel := context.WithTimeout(t.Context(), 4*hangs)
			defer cancel()
			begin := time.Now()
			res, err := send(ctx, r.method, r.path, r.fields)
			if err != nil {
				t.Errorf("%s %s: %v", r.method, r.path, err)
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if took := time.Since(begin); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || took > hangs || err != nil {
				t.Errorf("%s %s of %v: %s, Retry-After %q, after %v, error %v, want 503 with Retry-After within %v: %s",
					r.method, r.path, r.fields["email"], res.Status, res.Header.Get("Retry-After"), took, err, hangs, body)
			}
		})
	}
	clients.Wait()
	release()
	works(t, "login after that", func() error {
		_, err := svc.Login(t.Context(), "ada@example.com", mixedPassword)
		return err
	})
	res, err := send(t.Context(), "GET", "/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Error(fmt.Errorf("GET /me after that: %s", res.Status))
	}
}
