package redis_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
)

func TestConformance(t *testing.T) { prove(t, func(t testing.TB) string { return servers.Redis(t) }) }

func TestConformanceCluster(t *testing.T) { prove(t, cluster) }

// cluster returns the URL of a cluster.
func cluster(t testing.TB) string {
	nodes := servers.RedisCluster(t)
	return "redis://" + nodes[0] + "?cluster=true&addr=" + strings.Join(nodes[1:], "&addr=")
}

func TestBuckets(t *testing.T) {
	conformance.RunBuckets(t, config(func(t testing.TB) string { return servers.Redis(t) }))
}

func TestBucketsCluster(t *testing.T) { conformance.RunBuckets(t, config(cluster)) }

func prove(t *testing.T, server func(t testing.TB) string) { conformance.Run(t, config(server)) }

func config(server func(t testing.TB) string) conformance.Config {
	return conformance.Config{
		New: func(t testing.TB) conformance.Open {
			return through(server(t), conformance.NewNetwork(t))
		},
		Network: func(t testing.TB, n *conformance.Network) conformance.Open {
			return through(server(t), n)
		},
		Parallel: true,
	}
}

// through opens handles whose connections go through the network, with a prefix of
// their own.
func through(url string, n *conformance.Network) conformance.Open {
	prefix := "test-" + rand.Text()
	return func(t testing.TB) conformance.Stores {
		store, err := redis.Open(context.Background(), url, &redis.Options{Prefix: prefix, Dial: n.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		return conformance.Stores{Stores: store.Stores(), Buckets: store.Buckets(), Close: store.Close, Stall: n.Hang, Newer: func(table, id string) error {
			client := connect(t, url)
			defer client.Close()
			return makeNewer(client, store, table, id)
		}}
	}
}

// makeNewer has a record claim to be one of a newer version of MyAuth.
func makeNewer(client goredis.UniversalClient, store *redis.Store, table, id string) error {
	key := redis.RecordKey(store, table, id)
	record, err := client.Get(context.Background(), key).Result()
	if err != nil {
		return err
	}
	return client.Set(context.Background(), key, withForm(record, "2"), 0).Err()
}

// withForm returns a record with another form.
func withForm(record, form string) string { return form + strings.TrimPrefix(record, "1") }

// connect returns a client of the server or the cluster.
func connect(t testing.TB, url string) goredis.UniversalClient {
	if !strings.Contains(url, "cluster=true") {
		return plain(t, url)
	}
	o, err := goredis.ParseClusterURL(strings.Replace(url, "cluster=true&", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	return goredis.NewClusterClient(o)
}
