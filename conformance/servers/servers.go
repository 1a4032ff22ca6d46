package servers

import (
	"os"
	"strings"
	"testing"
)

// The servers of this process, each started by the first test that asks for it.
var (
	postgres     shared[string]
	redis        shared[string]
	redisCluster shared[[]string]
	mongo        shared[string]
	pgbouncer    = map[string]*shared[string]{"session": {}, "transaction": {}}
)

// Postgres returns the URL of a database, of PostgreSQL 14 or later, in which the
// caller may make schemas, databases and roles. Its password is in the URL: a role
// needs one of its own to log in. All callers in the process share it.
func Postgres(tb testing.TB) string {
	tb.Helper()
	required(tb)
	if url := os.Getenv("MYAUTH_TEST_POSTGRES_URL"); url != "" {
		return url
	}
	return postgres.get(tb, "postgres", startPostgres)
}

// PgBouncer returns the URL of the database of [Postgres] through a PgBouncer in that
// pool mode, session or transaction. It takes no search_path from a URL, and knows the
// user of this URL only. All callers in the process share it.
func PgBouncer(tb testing.TB, mode string) string {
	tb.Helper()
	server := Postgres(tb)
	bouncer := pgbouncer[mode]
	if bouncer == nil {
		tb.Fatalf("servers: the pool mode of PgBouncer is session or transaction, and not %q", mode)
	}
	return bouncer.get(tb, "pgbouncer", func() (string, error) { return startPgBouncer(server, mode) })
}

// Redis returns the URL of a Redis server, redis://host:port. All callers in the
// process share it, so each takes a key prefix of its own.
func Redis(tb testing.TB) string {
	tb.Helper()
	required(tb)
	if url := os.Getenv("MYAUTH_TEST_REDIS_URL"); url != "" {
		return url
	}
	return redis.get(tb, "redis", startRedis)
}

// RedisCluster returns the addresses, host:port, of the three masters of a Redis
// Cluster without replicas, or of those that the variable names. All callers in
// the process share it.
func RedisCluster(tb testing.TB) []string {
	tb.Helper()
	required(tb)
	if nodes := os.Getenv("MYAUTH_TEST_REDIS_CLUSTER"); nodes != "" {
		return strings.Split(nodes, ",")
	}
	return redisCluster.get(tb, "redis", startRedisCluster)
}

// Mongo returns the URI of a server that speaks MongoDB's protocol,
// mongodb://host:port. All callers in the process share it, so each takes a
// database of its own.
//
// It is FerretDB 1.24, which differs from mongod: no transactions, no TTL indexes,
// no collations. Conditional updates, which it does not make atomic, are: one
// command at a time gets through to it. MYAUTH_TEST_MONGO_URI names a real mongod
// or a replica set instead.
func Mongo(tb testing.TB) string {
	tb.Helper()
	required(tb)
	if uri := os.Getenv("MYAUTH_TEST_MONGO_URI"); uri != "" {
		return uri
	}
	return mongo.get(tb, "mongo", startMongo)
}
