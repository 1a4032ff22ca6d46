// Package servers starts real databases for tests of stores: PostgreSQL, PgBouncer in
// front of it, Redis, Redis Cluster, and FerretDB for the MongoDB protocol.
//
//	func TestStore(t *testing.T) {
//		url := servers.Postgres(t)
//		...
//	}
//
// The first call starts a server, once for the process, on a free port of the loopback
// interface, with its data in a temporary directory. Server and directory are gone when
// the process is, however that ends: a shell waits on a pipe that the kernel closes with
// the process, and then kills the one and removes the other.
//
// All but that of [DurablePostgres] trade durability for speed (no fsync). PostgreSQL, whose
// superuser can run programs, wants the random password in its URL: keep that out of logs.
// Redis and FerretDB let in every user of the machine while the tests run.
//
// # Where they come from
//
// The programs are found in PATH and in the usual directories of the packages postgresql,
// pgbouncer and redis-server. FerretDB is built with the go command into the user's cache
// directory, which takes about two minutes the first time. A variable can name a server
// that runs already. Tests must leave alone what they find there, and remove what they make:
//
//	MYAUTH_TEST_POSTGRES_URL    postgres://user:password@host/database?sslmode=disable
//	MYAUTH_TEST_REDIS_URL       redis://host:6379
//	MYAUTH_TEST_REDIS_CLUSTER   host:port,host:port,host:port
//	MYAUTH_TEST_MONGO_URI       mongodb://host:27017
//
// A test whose server cannot be started is skipped, with a line that says how to get it. It
// fails where MYAUTH_TEST_REQUIRE is all or lists the server (postgres, pgbouncer, redis,
// mongo). An unknown name in that list fails every test.
package servers
