package sqlstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Statements returns every statement that a [Store] of the dialect runs.
func Statements(d Dialect) []string {
	users, tokens := d.userTexts(), d.tokenTexts()
	return append(append(users[:], tokens[:]...), d.qualify(schemaVersion))
}

// insert returns the statement that adds a row with these columns.
func insert(table, columns string) string {
	return fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s)`, table, columns, parameters(columns))
}

// update returns the statement that writes these columns, while the row with the id that
// follows them has the version that comes last.
func update(table, columns string) string {
	n := strings.Count(columns, ",") + 1
	return fmt.Sprintf(`UPDATE %s SET (%s) = (%s) WHERE id = $%d AND version = $%d`, table, columns, parameters(columns), n+1, n+2)
}

// parameters returns the placeholders of as many columns.
func parameters(columns string) string {
	var list []string
	for i := range strings.Count(columns, ",") + 1 {
		list = append(list, fmt.Sprintf("$%d", i+1))
	}
	return strings.Join(list, ", ")
}

// tableNames matches the names of the tables, and those of their indexes.
var tableNames = regexp.MustCompile(`\b(users|tokens|myauth_migrations)(_\w+)?\b`)

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
