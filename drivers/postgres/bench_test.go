package postgres_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/conformance/storebench"
	"myauth.internal/drivers/postgres"
)

func BenchmarkPostgres(b *testing.B) {
	storebench.Run(b, func(b *testing.B) storebench.Subject {
		store := open(b, schema(b), nil)
		stores := conformance.Stores{Users: store.Users(), Tokens: store.Tokens()}
		return storebench.SQL(b, stores, postgres.Pool(store), postgres.Statements(), "VACUUM ANALYZE users, tokens")
	})
}
