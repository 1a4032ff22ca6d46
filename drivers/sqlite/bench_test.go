package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// The benchmarks compare each call of the store with the same statement, prepared on
// the same pool and bare of everything else, at 1 and at 16 callers, on
// MYAUTH_BENCH_USERS users with a session each, 10000 by default.

func BenchmarkUserByID(b *testing.B) {
	store, n := seeded(b)
	query := prepare(b, store, selectUser+"id = $1")
	compare(b, func(i int) error {
		_, err := store.Users().ByID(b.Context(), userID(i%n))
		return err
	}, func(i int) error { return scanBare(b.Context(), query, userID(i%n)) })
}

func BenchmarkUserByEmail(b *testing.B) {
	store, n := seeded(b)
	query := prepare(b, store, selectUser+"email_key = $1")
	compare(b, func(i int) error {
		_, err := store.Users().ByEmail(b.Context(), userID(i%n)+"@example.com")
		return err
	}, func(i int) error { return scanBare(b.Context(), query, userID(i%n)+"@example.com") })
}

func BenchmarkUserCreate(b *testing.B) {
	store, n := seeded(b)
	insert := prepare(b, store, insertUser)
	var next atomic.Int64
	next.Store(int64(n))
	compare(b, func(int) error {
		return store.Users().Create(b.Context(), newUser(userID(int(next.Add(1)))))
	}, func(int) error {
		_, err := insert.ExecContext(b.Context(), userArgs(int(next.Add(1)))...)
		return err
	})
}

// BenchmarkTokenUpdate is the write of a refresh.
func BenchmarkTokenUpdate(b *testing.B) {
	store, n := seeded(b)
	update := prepare(b, store, `UPDATE tokens SET session_id = $1, epoch = $2, secret_hash = $3, previous_hash = $4, salt = $5, created_at = $6,
		rotated_at = $7, expires_at = $8, revoked_at = $9, version = $10 WHERE id = $11 AND version = $12`)
	// Each call has a session of its own, so that none meets a conflict.
	versions := make([]atomic.Int64, n)
	for i := range versions {
		versions[i].Store(1)
	}
	compare(b, func(i int) error {
		token := newToken(userID(i%n), userID(i%n))
		token.Version = versions[i%n].Add(1) - 1
		return store.Tokens().Update(b.Context(), token)
	}, func(i int) error {
		at, hash, version := testTime.UnixMicro(), make([]byte, 32), versions[i%n].Add(1)
		result, err := update.ExecContext(b.Context(), "s", 0, hash, hash, hash, at, at, at, at, version, userID(i%n), version-1)
		if err != nil {
			return err
		}
		if changed, _ := result.RowsAffected(); changed != 1 {
			return kit.ErrConflict
		}
		return nil
	})
}

func BenchmarkDeleteExpired(b *testing.B) {
	store, _ := seeded(b)
	db := sqlite.Pool(store)
	id := 0
	for b.Loop() {
		b.StopTimer()
		tx, err := db.BeginTx(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		for range 1000 {
			id++
			if _, err := tx.Exec(insertToken, tokenArgs("dead"+userID(id), testTime.Add(-time.Hour))...); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if n, err := store.Tokens().DeleteExpired(b.Context(), testTime, 1000); err != nil || n != 1000 {
			b.Fatal(n, err)
		}
	}
}

const (
	selectUser = `SELECT id, email, username, hashed_password, roles, user_settings, is_verified, is_active, session_epoch, created_at, updated_at, version FROM users WHERE `
	insertUser = `INSERT INTO users (id, email, username, hashed_password, roles, user_settings, is_verified, is_active, session_epoch, created_at, updated_at, version, email_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	insertToken = `INSERT INTO tokens (id, token_type, user_id, session_id, epoch, secret_hash, created_at, rotated_at, expires_at, revoked_at, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
)

// compare runs both calls, right after each other.
func compare(b *testing.B, store, bare func(i int) error) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			b.Run("myauth", func(b *testing.B) { together(b, callers, store) })
			b.Run("bare statement", func(b *testing.B) { together(b, callers, bare) })
		})
	}
}

// together makes b.N calls from that many goroutines.
func together(b *testing.B, callers int, call func(i int) error) {
	b.ReportAllocs()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				if err := call(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func scanBare(ctx context.Context, query *sql.Stmt, key string) error {
	var id, email, username, hash, roles, settings string
	var verified, active bool
	var epoch, created, updated, version int64
	return query.QueryRowContext(ctx, key).Scan(&id, &email, &username, &hash, &roles, &settings, &verified, &active, &epoch, &created, &updated, &version)
}

func prepare(b *testing.B, store *sqlite.Store, text string) *sql.Stmt {
	b.Helper()
	stmt, err := sqlite.Pool(store).PrepareContext(b.Context(), text)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stmt.Close() })
	return stmt
}

// userID looks like a real one: 36 characters, ascending.
func userID(i int) string { return fmt.Sprintf("01934e2a-7b1c-7000-8000-%012d", i) }

func userArgs(i int) []any {
	u := newUser(userID(i))
	at := testTime.UnixMicro()
	return []any{u.ID, u.Email, u.Username, string(u.PasswordHash), "[]", string(u.Settings), false, true, 0, at, at, 1, kit.EmailKey(u.Email)}
}

func tokenArgs(id string, expires time.Time) []any {
	at := testTime.UnixMicro()
	return []any{id, "refresh", id, "s", 0, make([]byte, 32), at, at, expires.UnixMicro(), time.Time{}.UnixMicro(), 1}
}

// seeded returns a store with users and a session each, written in one transaction.
func seeded(b *testing.B) (*sqlite.Store, int) {
	b.Helper()
	n := 10000
	if s := os.Getenv("MYAUTH_BENCH_USERS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal("MYAUTH_BENCH_USERS:", err)
		}
	}
	store := open(b, tempFile(b))
	tx, err := sqlite.Pool(store).BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	users, err := tx.Prepare(insertUser)
	if err != nil {
		b.Fatal(err)
	}
	tokens, err := tx.Prepare(insertToken)
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := users.Exec(userArgs(i)...); err != nil {
			b.Fatal(err)
		}
		if _, err := tokens.Exec(tokenArgs(userID(i), testTime.Add(time.Hour))...); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	return store, n
}
