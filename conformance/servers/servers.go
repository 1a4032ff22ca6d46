package servers

import (
	"os"
	"strings"
	"sync"
	"testing"
)

// shared is a server that is started once for the process.
type shared struct {
	name     string // in MYAUTH_TEST_REQUIRE
	variable string // names one that runs already; "" for none
	once     sync.Once
	url      string
	err      error
}

// The servers of this process, each started by the first test that asks for it.
var (
	postgres     = &shared{name: "postgres", variable: "MYAUTH_TEST_POSTGRES_URL"}
	durable      = &shared{name: "postgres", variable: "MYAUTH_TEST_POSTGRES_URL"}
	redis        = &shared{name: "redis", variable: "MYAUTH_TEST_REDIS_URL"}
	redisCluster = &shared{name: "redis", variable: "MYAUTH_TEST_REDIS_CLUSTER"}
	mongo        = &shared{name: "mongo", variable: "MYAUTH_TEST_MONGO_URI"}
	pgbouncer    = map[string]*shared{"session": {name: "pgbouncer"}, "transaction": {name: "pgbouncer"}}
)

// get returns the URL of the server, which it starts at the first call. It ends the test
// when there is none.
func (s *shared) get(tb testing.TB, start func() (string, error)) string {
	tb.Helper()
	required(tb)
	if url := os.Getenv(s.variable); url != "" {
		return url
	}
	s.once.Do(func() { s.url, s.err = start() })
	if s.err != nil {
		missing(tb, s.name, s.err)
	}
	return s.url
}

// Postgres returns the URL of a database, of PostgreSQL 14 or later, in which the caller
// may make schemas, databases and roles. The URL has a password, and so must each role
// that logs in. All callers in the process share the database.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return postgres.get(tb, func() (string, error) { return startPostgres("off") })
}

// DurablePostgres is [Postgres] with commits that reach the disk, for benchmarks. A server that
// MYAUTH_TEST_POSTGRES_URL names is as durable as its fsync and synchronous_commit say.
func DurablePostgres(tb testing.TB) string {
	tb.Helper()
	return durable.get(tb, func() (string, error) { return startPostgres("on") })
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
	return bouncer.get(tb, func() (string, error) { return startPgBouncer(server, mode) })
}

// Redis returns the URL of a Redis server, redis://host:port. All callers in the process
// share it, so each must use a key prefix of its own.
func Redis(tb testing.TB) string {
	tb.Helper()
	return redis.get(tb, startRedis)
}

// RedisCluster returns the addresses, host:port, of the three masters of a Redis Cluster
// without replicas, or of those that the variable names. All callers in the process share
// it.
func RedisCluster(tb testing.TB) []string {
	tb.Helper()
	return strings.Split(redisCluster.get(tb, startRedisCluster), ",")
}

// Mongo returns the URI of a server that speaks MongoDB's protocol, mongodb://host:port.
// All callers in the process share it, so each must use a database of its own.
//
// It is FerretDB 1.24, which differs from mongod: no transactions, no TTL indexes, no
// collations. Its conditional updates, which are not atomic by themselves, are made so by
// a proxy that lets one command at a time through. MYAUTH_TEST_MONGO_URI names a real
// mongod or a replica set instead.
func Mongo(tb testing.TB) string {
	tb.Helper()
	return mongo.get(tb, startMongo)
}
