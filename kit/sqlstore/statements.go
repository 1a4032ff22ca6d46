package sqlstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Statements returns every statement that a [Store] of the dialect runs on its pool.
func Statements(d Dialect) []string {
	users, tokens, credentials := d.userTexts(), d.tokenTexts("tokens"), d.tokenTexts("credentials")
	all := append(users[:], tokens[:]...)
	return append(append(all, credentials[:]...), d.qualify(schemaVersion))
}

// insert returns the statement that adds a row with these columns, in the form of this
// version. Where a unique key is taken it adds none, which is no error: an error would fail a
// transaction of PostgreSQL.
func insert(table, columns string) string {
	return fmt.Sprintf(`INSERT INTO %s (%s, form) VALUES (%s, %d) ON CONFLICT DO NOTHING`, table, columns, parameters(columns), form)
}

// set begins the statement that writes these columns of rows.
func set(table, columns string) string {
	return fmt.Sprintf(`UPDATE %s SET (%s, form) = (%s, %d) WHERE `, table, columns, parameters(columns), form)
}

// unchanged is the condition that a row has the id and the version that follow as many parameters, and a form that is known.
func unchanged(parameters int) string {
	return fmt.Sprintf(`id = $%d AND version = $%d AND %s`, parameters+1, parameters+2, known)
}

// look returns the statement that tells why another one changed no row.
func look(table string) string { return `SELECT form, version FROM ` + table + ` WHERE id = $1` }

// row returns the statement that selects the row with a key.
func row(columns, table, key string) string {
	return `SELECT ` + named(columns) + ` FROM ` + table + ` WHERE ` + key + ` = $1`
}

// joined returns the statement that selects a token, and the user that it names. The ID is an expression, of
// which SQLite's planner makes no estimate: after ANALYZE it would prepare the statement anew for each
// ID, which takes longer than to run it.
func joined(tokenColumns, table, userColumns string) string {
	of := func(alias, columns string) string { return alias + strings.ReplaceAll(columns, ", ", ", "+alias) }
	return `SELECT ` + named(of("t.", tokenColumns)+", "+of("u.", userColumns)) + ` FROM ` + table + ` t JOIN users u ON u.id = t.user_id WHERE t.id = $1 || ''`
}

// page returns the statement that selects the rows after a key, in its order, up to a limit.
func page(columns, table, condition, key string) string {
	return fmt.Sprintf(`SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT $%d`, named(columns), table, condition, key, strings.Count(condition, "$")+1)
}

// named gives the columns of a result the names a, b, c and so on, which nobody reads. But
// go-sqlite3 makes a string of each for every query, and only one of a single byte costs nothing:
// so a user takes 63 allocations and not 79.
func named(columns string) string {
	list := strings.Split(columns, ", ")
	for i := range list {
		list[i] += " AS " + letters[i:i+1]
	}
	return strings.Join(list, ", ")
}

// count is how many columns a list has.
func count(columns string) int { return strings.Count(columns, ",") + 1 }

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// parameters returns the placeholders of as many columns.
func parameters(columns string) string {
	var list []string
	for i := range count(columns) {
		list = append(list, fmt.Sprintf("$%d", i+1))
	}
	return strings.Join(list, ", ")
}

// tableNames matches the names of the tables, and those of their indexes.
var tableNames = regexp.MustCompile(`\b(users|tokens|credentials|myauth_migrations)(_\w+)?\b`)

// rename puts the prefix before the names of tables and indexes in a text of SQL.
func (d Dialect) rename(text string) string { return putBefore(d.Prefix, text) }

// qualify puts the schema and the prefix before the names of tables in a statement.
func (d Dialect) qualify(text string) string {
	if d.Schema == "" {
		return d.rename(text)
	}
	return putBefore(d.Schema+"."+d.Prefix, text)
}

func putBefore(before, text string) string {
	return tableNames.ReplaceAllStringFunc(text, func(name string) string { return before + name })
}

var validPrefix = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,31})?$`)

// CheckPrefix refuses a text that does not suit as [Dialect].Prefix. One that suits is
// empty, or has up to 32 lower-case letters, digits and underscores and begins with no
// digit.
func CheckPrefix(prefix string) error {
	if !validPrefix.MatchString(prefix) {
		return errors.New("Options.Prefix may have up to 32 characters, a to z, 0 to 9 and _, and begins with no digit")
	}
	return nil
}
