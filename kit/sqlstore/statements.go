package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"regexp"
)

// statement names one of the prepared statements of a Store.
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

var tableNames = regexp.MustCompile(`\b(users|tokens|myauth_migrations)\b`)

// locate returns what puts the schema before the names of the tables in a statement.
func (d Dialect) locate(ctx context.Context, query func(context.Context, string, ...any) *sql.Row) (qualify func(text string) string, err error) {
	var schema string
	if d.Schema != "" {
		err = query(ctx, d.Schema).Scan(&schema)
	}
	if schema != "" {
		schema += "."
	}
	return func(text string) string {
		return tableNames.ReplaceAllStringFunc(text, func(name string) string { return schema + name })
	}, err
}

// Statements returns every statement that a [Store] of the dialect runs, without the
// schema, so that a driver's test can ask its database for their plans.
func Statements(d Dialect) []string {
	texts := d.texts()
	return texts[:]
}
