package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
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

func refreshRedis(b *testing.B) (kit.Stores, bareSessions) {
	url, prefix := servers.Redis(b), "bench-"+rand.Text()
	store, err := redis.Open(b.Context(), url, &redis.Options{Prefix: prefix})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	o, err := goredis.ParseURL(url)
	if err != nil {
		b.Fatal(err)
	}
	o.ContextTimeoutEnabled = true
	client := goredis.NewClient(o)
	b.Cleanup(func() { client.Close() })
	return store.Stores(), bareRedis{client, prefix + "-bare:"}
}

// bareRedis has hashes, and a sorted set of the sessions by expiry.
type bareRedis struct {
	client *goredis.Client
	prefix string
}

func (d bareRedis) add(ctx context.Context, id string, u bareUser, s bareSession) error {
	_, err := d.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
		p.HSet(ctx, d.prefix+"user:"+id, "id", id, "email", u.Email, "username", u.Username, "password", "x", "roles", []byte(u.Roles), "settings", []byte(u.Settings),
			"verified", u.Verified, "active", u.Active, "epoch", u.epoch, "created_at", u.CreatedAt.UnixMicro(), "updated_at", u.UpdatedAt.UnixMicro())
		p.HSet(ctx, d.prefix+"session:"+id, "user_id", id, "hash", s.hash, "amr", s.amr, "auth_time", s.authTime, "epoch", s.epoch, "expires_at", s.expires, "version", s.version)
		p.ZAdd(ctx, d.prefix+"expiry", goredis.Z{Score: float64(s.expires), Member: id})
		return nil
	})
	return err
}

func (d bareRedis) session(ctx context.Context, id string) (s bareSession, err error) {
	f := d.fields(ctx, "session:"+id, "user_id", "hash", "amr", "auth_time", "epoch", "expires_at", "version")
	s.userID, s.hash, s.amr = f.text(0), []byte(f.text(1)), f.text(2)
	s.authTime, s.epoch, s.expires, s.version = f.number(3), f.number(4), f.number(5), f.number(6)
	return s, f.err
}

func (d bareRedis) user(ctx context.Context, id string) (u bareUser, err error) {
	f := d.fields(ctx, "user:"+id, "id", "email", "username", "roles", "settings", "verified", "active", "epoch", "created_at", "updated_at")
	u.ID, u.Email, u.Username, u.Roles, u.Settings = f.text(0), f.text(1), f.text(2), []byte(f.text(3)), []byte(f.text(4))
	u.Verified, u.Active, u.epoch = f.text(5) == "1", f.text(6) == "1", f.number(7)
	u.CreatedAt, u.UpdatedAt = time.UnixMicro(f.number(8)).UTC(), time.UnixMicro(f.number(9)).UTC()
	return u, f.err
}

// bareFields are those of a hash, and the first error.
type bareFields struct {
	values []any
	err    error
}

func (d bareRedis) fields(ctx context.Context, key string, names ...string) *bareFields {
	values, err := d.client.HMGet(ctx, d.prefix+key, names...).Result()
	return &bareFields{values, err}
}

func (f *bareFields) text(i int) string {
	if f.err != nil {
		return ""
	}
	text, ok := f.values[i].(string)
	if !ok {
		f.err = errors.New("there is no such field")
	}
	return text
}

func (f *bareFields) number(i int) int64 {
	n, err := strconv.ParseInt(f.text(i), 10, 64)
	f.err = cmp.Or(f.err, err)
	return n
}

var bareRotate = goredis.NewScript(`
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[2] then return 0 end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
redis.call('HSET', KEYS[1], 'hash', ARGV[3], 'expires_at', ARGV[4], 'version', ARGV[5])
return 1
`)

func (d bareRedis) rotate(ctx context.Context, id string, s bareSession) (bool, error) {
	return bareRotate.Run(ctx, d.client, []string{d.prefix + "session:" + id, d.prefix + "expiry"}, id, s.version, s.hash, s.expires, s.version+1).Bool()
}
