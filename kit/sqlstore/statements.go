package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"regexp"
)

// statement names one of the statements of a Store.
type statement int

const (
	userCreate statement = iota
	userByID
	userByEmail
	userUpdate
	userVersion
	userDelete
	tokenCreate
	tokenByID
	tokenUpdate
	tokenVersion
	tokenDelete
	tokensByUser
	tokensDeleteExpired
	schemaVersion
	statements // their number
)

const (
	userColumns  = `id, email, username, hashed_password, roles, user_settings, is_verified, is_active, session_epoch, created_at, updated_at, version`
	tokenColumns = `id, token_type, user_id, session_id, epoch, secret_hash, previous_hash, salt, created_at, rotated_at, expires_at, revoked_at, version`
)

// tables are queries that find nothing, and fail where the tables are not MyAuth's.
var tables = []string{
	`SELECT ` + userColumns + `, email_key FROM users WHERE 1 = 0`,
	`SELECT ` + tokenColumns + ` FROM tokens WHERE 1 = 0`,
}

// texts returns the statements in the dialect.
func (d Dialect) texts() [statements]string {
	return [statements]string{
		userCreate:  `INSERT INTO users (` + userColumns + `, email_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		userByID:    `SELECT ` + userColumns + ` FROM users WHERE id = $1`,
		userByEmail: `SELECT ` + userColumns + ` FROM users WHERE email_key = $1`,
		userUpdate: `UPDATE users SET email = $1, username = $2, hashed_password = $3, roles = $4, user_settings = $5, is_verified = $6, is_active = $7, ` +
			`session_epoch = $8, created_at = $9, updated_at = $10, version = $11, email_key = $12 WHERE id = $13 AND version = $14`,
		userVersion: `SELECT version FROM users WHERE id = $1`,
		userDelete:  `DELETE FROM users WHERE id = $1`,

		tokenCreate: `INSERT INTO tokens (` + tokenColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		tokenByID:   `SELECT ` + tokenColumns + ` FROM tokens WHERE id = $1`,
		tokenUpdate: `UPDATE tokens SET session_id = $1, epoch = $2, secret_hash = $3, previous_hash = $4, salt = $5, created_at = $6, ` +
			`rotated_at = $7, expires_at = $8, revoked_at = $9, version = $10 WHERE id = $11 AND version = $12`,
		tokenVersion: `SELECT version FROM tokens WHERE id = $1`,
		tokenDelete:  `DELETE FROM tokens WHERE id = $1`,
		tokensByUser: `SELECT ` + tokenColumns + ` FROM tokens WHERE user_id = $1 AND id` + d.ByteOrder + ` > $2 ORDER BY id` + d.ByteOrder + ` LIMIT $3`,
		tokensDeleteExpired: cmp.Or(d.DeleteExpired,
			`DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires_at <= $1 LIMIT $2)`),

		schemaVersion: maxVersion,
	}
}

// tableNames matches the names of the tables, and those of their indexes.
var tableNames = regexp.MustCompile(`\b(users|tokens|myauth_migrations)(_\w+)?\b`)

// rename puts something before each name of a table or an index in a text of SQL.
func rename(text, before string) string {
	if before == "" {
		return text
	}
	return tableNames.ReplaceAllStringFunc(text, func(name string) string { return before + name })
}

// locate returns the schema of the tables, and what puts it and the prefix before their
// names in a statement.
func (d Dialect) locate(ctx context.Context, query func(context.Context, string, ...any) *sql.Row) (schema string, qualify func(text string) string, err error) {
	schema = d.Schema
	if schema == "" && d.CurrentSchema != "" {
		err = query(ctx, d.CurrentSchema).Scan(&schema)
	}
	before := d.Prefix
	if schema != "" {
		before = schema + "." + d.Prefix
	}
	return schema, func(text string) string { return rename(text, before) }, err
}

var validPrefix = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,31}$`)

// CheckPrefix refuses a text that does not suit as [Dialect].Prefix: it has up to 32
// lower-case letters, digits and underscores, and does not begin with a digit. The
// empty one suits too.
func CheckPrefix(prefix string) error {
	if prefix != "" && !validPrefix.MatchString(prefix) {
		return errors.New("Options.Prefix may have up to 32 characters, a to z, 0 to 9 and _, and begins with no digit")
	}
	return nil
}

// Statements returns every statement that a [Store] of the dialect runs, without
// schema and prefix, so that a driver's test can ask its database for their plans.
func Statements(d Dialect) []string {
	texts := d.texts()
	return texts[:]
}
