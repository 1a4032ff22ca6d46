// Package sqlstore is what SQL databases have in common as stores of package kit:
// the statements, the mapping between rows and records, the handling of errors,
// and the migrations. Drivers for SQLite and PostgreSQL are built on it, and one
// for another SQL database can be: it opens a [database/sql.DB], writes the
// schema as numbered files, and fills in a [Dialect] with what differs.
//
//	err := sqlstore.Migrate(ctx, db, dialect, migrations)
//	store, err := sqlstore.New(ctx, db, dialect)
//	svc, err := kit.New(store.Users(), store.Tokens(), keys, nil)
//
// # What the schema must provide
//
// Two tables, users and tokens, with the columns that [Statements] names.
//
// In the files of the migrations every index begins with the name of its table, as
// users_email_key does: Dialect.Prefix is put before such words. Those that they create
// are in the one schema whatever temporary tables a connection has: by
// Dialect.UseSchema, or because the files name the schema.
//
//   - Text is equal only when it is the same byte by byte, and tokens.id sorts so,
//     if need be by Dialect.ByteOrder.
//   - users.id and users.email_key are unique, tokens.id is. Further unique columns
//     would be reported as kit.ErrUserExists and kit.ErrConflict.
//   - Times are 64-bit integers: microseconds since 1970-01-01 UTC, which hold
//     every year that kit knows. The zero time.Time is one of them,
//     -62135596800000000, so no column needs NULL to mean "never".
//   - Indexes on tokens (user_id, id), the id in byte order, so that a page of a user's
//     tokens is read alone, and tokens (expires_at).
//   - roles and user_settings are text, kept as given; hashes and the salt are
//     bytes, of which previous_hash and salt may be NULL.
//
// The database needs placeholders of the form $1. Each statement names its
// parameters first in ascending order, so it also suits databases that number
// named parameters by appearance, as SQLite does.
package sqlstore
