package sqlite

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"myauth.internal/kit/sqlstore"
)

const foreignTable = "the file has a table or index of this name that is not MyAuth's: set Options.Prefix, or give MyAuth a file of its own"

// classify sorts SQLite's result codes (https://sqlite.org/rescode.html). A file
// that is damaged, full, read-only or without the tables is unavailable rather than
// unexpected: the fault is outside, and the same call succeeds once it is mended.
func classify(err error) (sqlstore.Kind, string) {
	var code sqlite3.ErrorCode
	switch {
	case errors.Is(err, sqlite3.CONSTRAINT_UNIQUE), errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY):
		return sqlstore.Duplicate, ""
	case errors.Is(err, sqlite3.ERROR): // for which there is only a text
		for _, e := range mistakes {
			if strings.Contains(err.Error(), e.text) {
				return e.kind, e.advice
			}
		}
	case errors.As(err, &code):
		if advice, ok := outages[code]; ok {
			return sqlstore.Unavailable, advice
		}
	case errors.As(err, new(*fs.PathError)):
		return sqlstore.Unavailable, ""
	}
	return sqlstore.Unexpected, ""
}

var mistakes = []struct {
	text   string
	kind   sqlstore.Kind
	advice string
}{
	{" already exists", sqlstore.Unexpected, foreignTable},
	{"has no column named ", sqlstore.Unexpected, foreignTable},
	{"no such column: ", sqlstore.Unexpected, foreignTable},
	{"no such table: ", sqlstore.Unavailable, "the tables are gone: restore them, and open the store again"},
}

// outages says, by result code, what a person can do about it.
var outages = map[sqlite3.ErrorCode]string{
	sqlite3.BUSY:      "another process keeps the database locked: end its transaction, or wait longer",
	sqlite3.LOCKED:    "another connection keeps a table locked",
	sqlite3.INTERRUPT: "",
	sqlite3.NOMEM:     "",
	sqlite3.IOERR:     "check the disk; a network file system will not do",
	sqlite3.CANTOPEN:  "check that the path is a file, and let this user write to it and to its directory",
	sqlite3.FULL:      "free space on the disk, or raise max_page_count",
	sqlite3.READONLY:  "let this user write to the file and to its directory",
	sqlite3.PERM:      "let this user read and write the file",
	sqlite3.PROTOCOL:  "too many processes are opening the database at once",
	sqlite3.CORRUPT:   "the file is damaged: restore it from a backup",
	sqlite3.NOTADB:    "the file holds something else: choose another path",
}
