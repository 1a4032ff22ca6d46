package sqlite_test

import (
	"testing"

	"github.com/ncruces/go-sqlite3/driver"

	"myauth.internal/conformance"
	"myauth.internal/conformance/storebench"
	"myauth.internal/drivers/sqlite"
)

// BenchmarkSQLite compares a store with the statements on a plain pool of the same
// file, with the settings that the README names for one.
func BenchmarkSQLite(b *testing.B) {
	storebench.Run(b, func(b *testing.B) storebench.Subject {
		path := tempFile(b)
		store := open(b, path)
		plain, err := driver.Open("file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { plain.Close() })
		plain.SetMaxOpenConns(8)
		plain.SetMaxIdleConns(8)
		stores := conformance.Stores{Users: store.Users(), Tokens: store.Tokens()}
		return storebench.SQL(b, stores, plain, sqlite.Statements(), "")
	})
}
