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
//   - The tables users, tokens and credentials, with the columns of users.go and tokens.go; the
//     last two have the same. Every index begins with the name of its table, as
//     users_email_key does, because Dialect.Prefix is put before such words in the files of
//     the migrations.
//   - Text that is equal only byte by byte; ids and users.email_key sort so too.
//   - Unique are users.id, users.email_key, tokens.id and credentials.id, and nothing else:
//     another unique column would be reported as kit.ErrUserExists or kit.ErrConflict.
//   - Times as 64-bit integers, microseconds since 1970-01-01 UTC. They hold every
//     year that kit knows, and the zero time.Time as -62135596800000000, so no column
//     needs NULL to mean "never".
//   - Indexes on tokens (user_id, id), so that a page of a user's tokens is read alone,
//     and on tokens (purge_at); the same on credentials.
//   - roles, factors, user_settings and private as text, kept as given; hashes, salt and data as
//     bytes. Of these factors, private, previous_hash, salt and data may be NULL.
//   - In each row the column form, a small integer.
//
// # Upgrades
//
// A row says in its column form which version wrote it. Each read selects it, and refuses a row of
// a form that is newer than this version's with kit.ErrNewerRecord; each change has it in its
// condition, so no write changes such a row. That costs no statement. A migration that would let an
// older version, which may still be running, do harm to rows that it did not rewrite, sets their
// form. The version of the schema is read when a store opens, and by Ping: an older version
// refuses both.
//
// The database needs placeholders of the form $1. Each statement first names its
// parameters in ascending order, which also suits SQLite, where a named parameter gets
// its number when it first appears.
package sqlstore
