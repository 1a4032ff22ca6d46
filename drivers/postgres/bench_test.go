package postgres_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/conformance/storebench"
	"myauth.internal/drivers/postgres"
)

func BenchmarkPostgres(b *testing.B) {
	store := open(b, schema(b), nil)
	stores := conformance.Stores{Users: store.Users(), Tokens: store.Tokens()}
	storebench.Run(b, stores, storebench.SQL(b, postgres.Pool(store), postgres.Statements()))
}
