package mongo_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"myauth.internal/conformance"
	"myauth.internal/drivers/mongo"
)

func TestConformance(t *testing.T) { conformance.Run(t, config) }

// TestSharedThrottle proves the buckets of a throttle over the tokens.
func TestSharedThrottle(t *testing.T) { conformance.RunBuckets(t, config) }

var config = conformance.Config{
	New: func(t testing.TB) conformance.Open {
		return through(database(t), conformance.NewNetwork(t))
	},
	Network: func(t testing.TB, n *conformance.Network) conformance.Open {
		return through(database(t), n)
	},
	Parallel: true,
}

// makeNewer has a document claim to be one of a newer version of MyAuth.
func makeNewer(c *driver.Collection, id string) error {
	result, err := c.UpdateOne(context.Background(), bson.D{{Key: "_id", Value: id}}, bson.D{{Key: "$set", Value: bson.D{{Key: "form", Value: 2}}}})
	if err == nil && result.MatchedCount == 0 {
		err = errors.New("there is no such document")
	}
	return err
}

// through opens handles whose connections go through the network.
func through(uri string, n *conformance.Network) conformance.Open {
	return func(t testing.TB) conformance.Stores {
		store, err := mongo.Open(context.Background(), uri, &mongo.Options{Dial: n.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		return conformance.Stores{Stores: store.Stores(), Close: store.Close, Stall: n.Hang, Newer: func(table, id string) error {
			return makeNewer(connect(t, uri).Database(nameOf(uri)).Collection(table), id)
		}}
	}
}
