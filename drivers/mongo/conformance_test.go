package mongo_test

import (
	"context"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/drivers/mongo"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Config{
		New: func(t testing.TB) conformance.Open {
			return through(database(t), conformance.NewNetwork(t))
		},
		Network: func(t testing.TB, n *conformance.Network) conformance.Open {
			return through(database(t), n)
		},
		Parallel: true,
	})
}

// through opens handles whose connections go through the network.
func through(uri string, n *conformance.Network) conformance.Open {
	return func(t testing.TB) conformance.Stores {
		store, err := mongo.Open(context.Background(), uri, &mongo.Options{Dial: n.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		return conformance.Stores{Users: store.Users(), Tokens: store.Tokens(), Close: store.Close, Stall: n.Hang}
	}
}
