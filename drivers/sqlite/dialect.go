package sqlite

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"myauth.internal/kit/sqlstore"
)

// dialect needs no Lock and no statement of its own: BEGIN IMMEDIATE takes the one write lock of
// the database, and so does every writing statement.
var dialect = sqlstore.Dialect{
	Name:       "sqlite",
	Begin:      "BEGIN IMMEDIATE",
	Schema:     "main", // and not a temporary table of that name on an application's connection
	Prepared:   true,   // in this process, and its driver knows no driver.ErrBadConn
	MaxWriters: 1,
	Classify:   classify,
}

const foreignTable = "the file has a table or index of this name that is not MyAuth's: set Options.Prefix, or give MyAuth a file of its own"

// classify sorts SQLite's result codes (https://sqlite.org/rescode.html). A file
// that is damaged, full or read-only is unavailable rather than unexpected: the
// fault is outside, and the same call succeeds once it was mended.
func classify(err error) sqlstore.Class {
	var code sqlite3.ErrorCode
	var path *fs.PathError
	switch {
	case errors.Is(err, sqlite3.CONSTRAINT_UNIQUE), errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY):
		return sqlstore.Class{Kind: sqlstore.Duplicate}
	case errors.Is(err, sqlite3.ERROR) && strings.HasSuffix(err.Error(), " already exists"):
		return sqlstore.Class{Advice: foreignTable}
	case errors.Is(err, sqlite3.ERROR) && strings.Contains(err.Error(), "has no column named "), errors.Is(err, sqlite3.ERROR) && strings.Contains(err.Error(), "no such column: "):
		return sqlstore.Class{Advice: foreignTable}
	case errors.As(err, &code):
		if advice, ok := outages[code]; ok {
			return sqlstore.Class{Kind: sqlstore.Unavailable, Advice: advice}
		}
	case errors.As(err, &path):
		return sqlstore.Class{Kind: sqlstore.Unavailable}
	}
	return sqlstore.Class{}
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
