package postgres_test

import (
	"context"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/drivers/postgres"
)

func TestConformance(t *testing.T) { conformance.Run(t, config) }

// TestSharedThrottle proves the buckets of a throttle over the tokens.
func TestSharedThrottle(t *testing.T) { conformance.RunBuckets(t, config) }

var config = conformance.Config{
	New: func(t testing.TB) conformance.Open {
		return through(t, schema(t), conformance.NewNetwork(t))
	},
	Network: func(t testing.TB, n *conformance.Network) conformance.Open {
		return through(t, schema(t), n)
	},
	Parallel: true,
}

// through opens handles whose connections go through the network.
func through(t testing.TB, dataSource string, n *conformance.Network) conformance.Open {
	asNewer := newer(t, dataSource)
	return func(t testing.TB) conformance.Stores {
		store, err := postgres.Open(context.Background(), dataSource, &postgres.Options{MaxConns: 8, Dial: n.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		return conformance.Stores{Stores: store.Stores(), Close: store.Close, Stall: n.Hang, Newer: asNewer}
	}
}

// newer returns what makes rows claim to be of a newer form.
func newer(t testing.TB, dataSource string) func(table, id string) error {
	db := admin(t, dataSource)
	db.SetMaxIdleConns(0) // the server's connections are few
	return func(table, id string) error {
		_, err := db.Exec("UPDATE "+table+" SET form = 99 WHERE id = $1", id)
		return err
	}
}
