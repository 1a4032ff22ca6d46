package stores

import (
	"context"
	"crypto/rand"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// BenchmarkPostgres has each store in a schema and on a pool of its own. That of the minimal
// store is plain lib/pq, which prepares its statements as the driver does.
func BenchmarkPostgres(b *testing.B) {
	bench(b, func(b *testing.B) (driver, bare store) {
		url := servers.Postgres(b)
		connector, err := postgres.NewConnector(url, nil)
		if err != nil {
			b.Fatal(err)
		}
		plain, err := pq.NewConnector(url)
		if err != nil {
			b.Fatal(err)
		}
		pool := func(connector sqldriver.Connector) *sql.DB {
			db := sql.OpenDB(connector)
			db.SetMaxOpenConns(mostCallers)
			db.SetMaxIdleConns(mostCallers)
			b.Cleanup(func() { db.Close() })
			return db
		}
		shared, plainPool := pool(connector), pool(plain)
		for i, s := range []*store{&driver, &bare} {
			schema := "bench_" + strings.ToLower(rand.Text())
			opened, err := postgres.New(b.Context(), shared, &postgres.Options{Schema: schema})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() {
				if _, err := shared.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
					b.Error(err)
				}
			})
			*s = bareSQL(b, plainPool, schema+".", "purge_at <= $1 ORDER BY purge_at, id")
			if i == 0 {
				s.users, s.tokens = opened.Users(), opened.Tokens()
			}
		}
		return driver, bare
	})
}

// BenchmarkSQLite has each store in a file of its own. The minimal store has a plain pool
// with the settings that the driver's README names for one.
func BenchmarkSQLite(b *testing.B) {
	bench(b, func(b *testing.B) (driver, bare store) {
		for i, s := range []*store{&driver, &bare} {
			path := filepath.Join(b.TempDir(), "auth.db")
			opened, err := sqlite.Open(b.Context(), path, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { opened.Close() })
			db, err := sqlitedriver.Open("file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
			if err != nil {
				b.Fatal(err)
			}
			db.SetMaxOpenConns(8)
			db.SetMaxIdleConns(8)
			b.Cleanup(func() { db.Close() })
			*s = bareSQL(b, db, "", "purge_at <= $1 ORDER BY purge_at")
			if i == 0 {
				s.users, s.tokens = opened.Users(), opened.Tokens()
			}
		}
		return driver, bare
	})
}

// bareSQL returns the minimal store over tables that a driver has made, where expired selects in the
// order of their index.
func bareSQL(b *testing.B, db *sql.DB, schema, expired string) store {
	b.Helper()
	prepare := func(text string) *sql.Stmt {
		stmt, err := db.PrepareContext(b.Context(), text)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { stmt.Close() })
		return stmt
	}
	users, tokens := schema+"users", schema+"tokens"
	u := sqlUsers{
		byID:    prepare("SELECT " + userColumns + " FROM " + users + " WHERE id = $1"),
		byEmail: prepare("SELECT " + userColumns + " FROM " + users + " WHERE email_key = $1"),
		create: prepare("INSERT INTO " + users + " (" + userColumns + ", email_key, form) " +
			"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1)"),
		remove: prepare("DELETE FROM " + users + " WHERE id = $1"),
	}
	t := sqlTokens{
		byID:   prepare("SELECT " + tokenColumns + " FROM " + tokens + " WHERE id = $1"),
		create: prepare("INSERT INTO " + tokens + " (" + tokenColumns + ", purge_at, form) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $12, 1)"),
		update: prepare("UPDATE " + tokens + " SET session_id = $1, epoch = $2, secret_hash = $3, previous_hash = $4, salt = $5, data = $6, created_at = $7, " +
			"rotated_at = $8, expires_at = $9, revoked_at = $10, version = $11 WHERE id = $12 AND version = $13"),
		remove: prepare("DELETE FROM " + tokens + " WHERE id = $1 AND version = $2"),
		purge:  prepare("DELETE FROM " + tokens + " WHERE id IN (SELECT id FROM " + tokens + " WHERE " + expired + " LIMIT $2)"),
	}
	return store{users: u, tokens: t, fill: func(ctx context.Context, us []kit.User, ts []kit.Token) error {
		if len(us) == 0 {
			_, err := db.ExecContext(ctx, "ANALYZE")
			return err
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // nothing, after the commit
		createUser, createToken := tx.StmtContext(ctx, u.create), tx.StmtContext(ctx, t.create)
		for i := range us {
			if err := errors.Join(insertUser(ctx, createUser, us[i]), insertToken(ctx, createToken, ts[i])); err != nil {
				return err
			}
		}
		return tx.Commit()
	}}
}

const (
	userColumns = "id, email, username, hashed_password, roles, user_settings, private, factors, is_verified, is_active, session_epoch, credential_epoch, " +
		"created_at, updated_at, version"
	tokenColumns = "id, token_type, user_id, session_id, epoch, secret_hash, previous_hash, salt, data, created_at, rotated_at, expires_at, revoked_at, version"
)

// sqlUsers and sqlTokens have the methods that the use cases call, and no others.
type sqlUsers struct {
	kit.UserStore
	byID, byEmail, create, remove *sql.Stmt
}

func (s sqlUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	return scanUser(s.byID.QueryRowContext(ctx, id))
}

func (s sqlUsers) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return scanUser(s.byEmail.QueryRowContext(ctx, email))
}

func scanUser(row *sql.Row) (u kit.User, err error) {
	var hash, roles, settings string
	var private, factors sql.NullString
	var created, updated int64
	err = row.Scan(&u.ID, &u.Email, &u.Username, &hash, &roles, &settings, &private, &factors, &u.Verified, &u.Active, &u.SessionEpoch, &u.CredentialEpoch,
		&created, &updated, &u.Version)
	return u, notFound(err)
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return kit.ErrNotFound
	}
	return err
}

func (s sqlUsers) Create(ctx context.Context, u kit.User) error { return insertUser(ctx, s.create, u) }

func insertUser(ctx context.Context, stmt *sql.Stmt, u kit.User) error {
	roles, err := json.Marshal(u.Roles)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx, u.ID, u.Email, u.Username, string(u.PasswordHash), string(roles), string(u.Settings), nil, nil, u.Verified, u.Active,
		u.SessionEpoch, u.CredentialEpoch, u.CreatedAt.UnixMicro(), u.UpdatedAt.UnixMicro(), u.Version, u.Email)
	return err
}

func (s sqlUsers) Delete(ctx context.Context, id string) error {
	_, err := s.remove.ExecContext(ctx, id)
	return err
}

type sqlTokens struct {
	kit.TokenStore
	byID, create, update, remove, purge *sql.Stmt
}

func (s sqlTokens) ByID(ctx context.Context, id string) (t kit.Token, err error) {
	var kind string
	var created, rotated, expires, revoked int64
	err = s.byID.QueryRowContext(ctx, id).Scan(&t.ID, &kind, &t.UserID, &t.SessionID, &t.Epoch, &t.SecretHash, &t.PreviousHash, &t.Salt, &t.Data,
		&created, &rotated, &expires, &revoked, &t.Version)
	return t, notFound(err)
}

func (s sqlTokens) Create(ctx context.Context, t kit.Token) error {
	return insertToken(ctx, s.create, t)
}

func insertToken(ctx context.Context, stmt *sql.Stmt, t kit.Token) error {
	_, err := stmt.ExecContext(ctx, t.ID, string(t.Type), t.UserID, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt, t.Data,
		t.CreatedAt.UnixMicro(), t.RotatedAt.UnixMicro(), t.ExpiresAt.UnixMicro(), t.RevokedAt.UnixMicro(), t.Version)
	return err
}

func (s sqlTokens) Update(ctx context.Context, t kit.Token) error {
	result, err := s.update.ExecContext(ctx, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt, t.Data,
		t.CreatedAt.UnixMicro(), t.RotatedAt.UnixMicro(), t.ExpiresAt.UnixMicro(), t.RevokedAt.UnixMicro(), t.Version+1, t.ID, t.Version)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(kit.ErrConflict, err)
	}
	return nil
}

func (s sqlTokens) Delete(ctx context.Context, id string, version int64) error {
	_, err := s.remove.ExecContext(ctx, id, version)
	return err
}

func (s sqlTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	result, err := s.purge.ExecContext(ctx, before.UnixMicro(), limit)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}
