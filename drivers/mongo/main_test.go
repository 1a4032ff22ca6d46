package mongo_test

import (
	"context"
	"crypto/rand"
	"flag"
	"os"
	"strings"
	"testing"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/mongo"
)

// TestMain leaves out the cases with ten thousand records over FerretDB, unless the long form of
// tests is asked for: they take a third of the time, and say little about MongoDB, since
// FerretDB reads a whole collection to find an address.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("MYAUTH_TEST_MONGO_URI") == "" && os.Getenv("MYAUTH_TEST_TIMING") != "long" {
		_ = flag.Set("test.short", "true") // it is a flag of package testing
	}
	os.Exit(m.Run())
}

// database returns the URI of an empty database, dropped when the test ends.
func database(t testing.TB) string {
	t.Helper()
	server := strings.TrimSuffix(servers.Mongo(t), "/")
	name := "test_" + strings.ToLower(rand.Text())
	base, query, _ := strings.Cut(server, "?")
	uri := strings.TrimSuffix(base, "/") + "/" + name
	if query != "" {
		uri += "?" + query
	}
	t.Cleanup(func() {
		if err := connect(t, uri).Database(name).Drop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return uri
}

// connect returns a plain client for the tests' own look.
func connect(t testing.TB, uri string) *driver.Client {
	t.Helper()
	c, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// open returns a store, closed when the test ends.
func open(t testing.TB, uri string, opts *mongo.Options) *mongo.Store {
	t.Helper()
	store, err := mongo.Open(context.Background(), uri, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
