package main

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// The pools of the bare handlers are as large as those that Open makes.
const (
	sqliteConns   = 8
	postgresConns = 16
)

func refreshSQLite(b *testing.B) (kit.Stores, bareSessions) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "auth.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	return store.Stores(), newBareSQL(b, "sqlite3", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)",
		sqliteConns, `CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT UNIQUE, username TEXT, password TEXT, roles TEXT, settings TEXT, verified INT, active INT,
			epoch INT, created_at INT, updated_at INT);
		CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT, hash BLOB, amr TEXT, auth_time INT, epoch INT, expires_at INT, version INT) WITHOUT ROWID;
		CREATE INDEX sessions_expire ON sessions (expires_at)`)
}

func refreshPostgres(b *testing.B) (kit.Stores, bareSessions) {
	server := servers.DurablePostgres(b)
	store, err := postgres.Open(b.Context(), schemaOf(b, server), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	return store.Stores(), newBareSQL(b, "postgres", schemaOf(b, server), postgresConns,
		`CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT UNIQUE, username TEXT, password TEXT, roles TEXT, settings TEXT, verified BOOL, active BOOL,
			epoch BIGINT, created_at BIGINT, updated_at BIGINT);
		CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT, hash BYTEA, amr TEXT, auth_time BIGINT, epoch BIGINT, expires_at BIGINT, version BIGINT);
		CREATE INDEX sessions_expire ON sessions (expires_at)`)
}

// bareSQL has a prepared statement for each call.
type bareSQL struct {
	db                        *sql.DB
	byID, userByID, overwrite *sql.Stmt
}

func newBareSQL(b *testing.B, driver, source string, conns int, tables string) *bareSQL {
	db, err := sql.Open(driver, source)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if _, err := db.ExecContext(b.Context(), tables); err != nil {
		b.Fatal(err)
	}
	prepare := func(text string) *sql.Stmt {
		stmt, err := db.PrepareContext(b.Context(), text)
		if err != nil {
			b.Fatal(err)
		}
		return stmt
	}
	return &bareSQL{
		db:        db,
		byID:      prepare("SELECT user_id, hash, amr, auth_time, epoch, expires_at, version FROM sessions WHERE id = $1"),
		userByID:  prepare("SELECT id, email, username, roles, settings, verified, active, epoch, created_at, updated_at FROM users WHERE id = $1"),
		overwrite: prepare("UPDATE sessions SET hash = $1, expires_at = $2, version = version + 1 WHERE id = $3 AND version = $4"),
	}
}

func (d *bareSQL) add(ctx context.Context, id string, u bareUser, s bareSession) error {
	if _, err := d.db.ExecContext(ctx, "INSERT INTO users VALUES ($1, $2, $3, 'x', $4, $5, $6, $7, $8, $9, $10)", id, u.Email, u.Username,
		string(u.Roles), string(u.Settings), u.Verified, u.Active, u.epoch, u.CreatedAt.UnixMicro(), u.UpdatedAt.UnixMicro()); err != nil {
		return err
	}
	_, err := d.db.ExecContext(ctx, "INSERT INTO sessions VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", id, id, s.hash, s.amr, s.authTime, s.epoch, s.expires, s.version)
	return err
}

func (d *bareSQL) session(ctx context.Context, id string) (s bareSession, err error) {
	err = d.byID.QueryRowContext(ctx, id).Scan(&s.userID, &s.hash, &s.amr, &s.authTime, &s.epoch, &s.expires, &s.version)
	return s, err
}

func (d *bareSQL) user(ctx context.Context, id string) (u bareUser, err error) {
	var created, updated int64
	err = d.userByID.QueryRowContext(ctx, id).Scan(&u.ID, &u.Email, &u.Username, (*[]byte)(&u.Roles), (*[]byte)(&u.Settings), &u.Verified, &u.Active,
		&u.epoch, &created, &updated)
	u.CreatedAt, u.UpdatedAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return u, err
}

func (d *bareSQL) rotate(ctx context.Context, id string, s bareSession) (bool, error) {
	result, err := d.overwrite.ExecContext(ctx, s.hash, s.expires, id, s.version)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}
