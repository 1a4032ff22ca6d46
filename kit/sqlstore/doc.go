// Package sqlstore is shared by MyAuth's own SQL drivers and is not for applications:
// its names may change with any version.
//
// It holds what the stores in SQL databases have in common: the statements, the mapping
// between rows and records, the handling of errors, and the migrations. What only one
// database needs is in its driver, which hands over a [Dialect], a [Runner] and the
// function that opens a migration's transaction.
//
// # What the schema must provide
//
//   - The tables users and tokens, with the columns of users.go and tokens.go. Every
//     index begins with the name of its table, as users_email_key does, because
//     Dialect.Prefix is put before such words in the files of the migrations.
//   - Text that is equal only byte by byte; tokens.id sorts so too.
//   - Unique are users.id, users.email_key and tokens.id, and nothing else: another
//     unique column would be reported as kit.ErrUserExists or kit.ErrConflict.
//   - Times as 64-bit integers, microseconds since 1970-01-01 UTC. They hold every
//     year that kit knows, and the zero time.Time as -62135596800000000, so no column
//     needs NULL to mean "never".
//   - Indexes on tokens (user_id, id), so that a page of a user's tokens is read alone,
//     and on tokens (expires_at).
//   - roles and user_settings as text, kept as given; hashes and the salt as bytes, of
//     which previous_hash and salt may be NULL.
//
// The database needs placeholders of the form $1. Each statement first names its
// parameters in ascending order, which also suits SQLite, where a named parameter gets
// its number when it first appears.
package sqlstore
