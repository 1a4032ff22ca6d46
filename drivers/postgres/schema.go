package postgres

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/lib/pq"

	"myauth.internal/kit/sqlstore"
)

// dialect lacks what depends on the options. Concurrent purges take their rows in the
// order of one index, so that they do not deadlock; and the array is made once, unlike a
// subquery, which a plan may run again and with other rows.
var dialect = sqlstore.Dialect{
	Name:       "postgres",
	Classify:   classify,
	Savepoints: true,
	Due: func(table, known string) string {
		return fmt.Sprintf(`id = ANY (ARRAY(SELECT id FROM %s WHERE purge_at <= $1 AND %s ORDER BY purge_at, id LIMIT $2 FOR UPDATE))`, table, known)
	},
}

// current asks for the encoding of the database, and for the schema that the connection
// began with. Its search_path may have been set since: behind a pooler it was another
// client's before.
const current = `WITH began AS MATERIALIZED (SELECT set_config('search_path', reset_val, true) FROM pg_settings WHERE name = 'search_path')
	SELECT current_setting('server_encoding'), coalesce(quote_ident(current_schema()), '') FROM began`

// prepareSchema returns the quoted name of the schema, which it makes where it is missing.
// It refuses a database that cannot hold every text: its encoding was chosen when it was
// made, often by the locale of the machine, and shows at the first name in another script.
func prepareSchema(ctx context.Context, db *sql.DB, name string) (quoted string, err error) {
	var encoding string
	if err := db.QueryRowContext(ctx, current).Scan(&encoding, &quoted); err != nil {
		return "", err
	}
	if encoding != "UTF8" {
		return "", fmt.Errorf("the encoding of the database is %s, which cannot hold every name: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	if name == "" {
		return quoted, nil
	}
	quoted = pq.QuoteIdentifier(name)
	var exists bool
	err = db.QueryRowContext(ctx, "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = "+pq.QuoteLiteral(name)).Scan(&exists)
	if err != nil || exists {
		return quoted, err // to create it again would need a right that the user may not have
	}
	_, err = db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+quoted)
	if err != nil {
		if kind, _ := classify(err); kind == sqlstore.Duplicate { // another process was first
			err = nil
		}
	}
	return quoted, err
}

// begin opens the transaction of a migration and waits for the others of the database, by
// an advisory lock whose number is "myauth" in ASCII. A level that takes its snapshot
// before it waits would not see what the one before it did.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(x'6d7961757468'::bigint)"

// migrate applies the files that are missing.
func migrate(ctx context.Context, db *sql.DB, d sqlstore.Dialect, files fs.FS) (schema int64, err error) {
	return sqlstore.Migrate(ctx, db, d, files, func(ctx context.Context, conn *sql.Conn) error {
		text := begin
		if d.Schema != "" { // and not pg_temp, which comes first where it is not named
			text += "; SET LOCAL search_path TO " + d.Schema + ", pg_temp"
		}
		_, err := conn.ExecContext(ctx, text)
		return err
	})
}

//go:embed migrations/*.sql
var migrations embed.FS
