package sqlite_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/conformance/storebench"
	"myauth.internal/drivers/sqlite"
)

func BenchmarkSQLite(b *testing.B) {
	store := open(b, tempFile(b))
	stores := conformance.Stores{Users: store.Users(), Tokens: store.Tokens()}
	storebench.Run(b, stores, storebench.SQL(b, sqlite.Pool(store), sqlite.Statements()))
}
