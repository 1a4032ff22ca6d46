package postgres_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/drivers/postgres"
)

// Everything that goes over the wire counts, also what prepares a statement or begins a transaction.
func TestTrips(t *testing.T) {
	n := conformance.NewNetwork(t)
	store, err := postgres.Open(t.Context(), schema(t), &postgres.Options{MaxConns: 1, Dial: n.DialContext})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conformance.RunTrips(t, store.Stores(), n.Answers, map[string]int{
		"tokens.DeleteExpired": 1, "credentials.DeleteExpired": 1, // puts off what is due and has been extended
	})
}
