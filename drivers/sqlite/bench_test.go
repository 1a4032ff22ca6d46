package sqlite_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/conformance/storebench"
	"myauth.internal/drivers/sqlite"
)

func BenchmarkSQLite(b *testing.B) {
	storebench.Run(b, func(b *testing.B) storebench.Subject {
		store := open(b, tempFile(b))
		stores := conformance.Stores{Users: store.Users(), Tokens: store.Tokens()}
		return storebench.SQL(b, stores, sqlite.Pool(store), sqlite.Statements(), "")
	})
}
