// Package servers starts the real servers that tests of stores run against:
// PostgreSQL, PgBouncer in front of it, Redis, Redis Cluster, and FerretDB for the
// MongoDB protocol.
//
//	func TestStore(t *testing.T) {
//		url := servers.Postgres(t)
//		...
//	}
//
// Each is started at the first call, once for the process, on a free port of the
// loopback interface, with its data in a temporary directory. It is gone when the
// process is, however that ends: the shell that starts a server waits on a pipe
// which the kernel closes with the process, then kills the server and removes its
// directory. That one server for all tests is the only state of the package.
//
// The servers trade durability for speed (no fsync), so they suit tests and nothing
// else.
//
// PostgreSQL, whose superuser can run programs, wants the random password that is in
// the URL; keep that out of logs. Redis and FerretDB take everybody who has an account
// on the machine: while the tests run, others can read, change and remove what these
// keep there, so let it be worth nothing.
//
// # Where they come from
//
// The programs are found in PATH and in the usual directories of their packages:
// postgresql, pgbouncer and redis-server on Debian and Ubuntu. FerretDB is built with the go
// command, from the module in the folder ferretdb, into the user's cache directory;
// that takes about two minutes the first time, and its dependencies become nobody
// else's. A server that runs already is used when a variable names it:
//
//	MYAUTH_TEST_POSTGRES_URL    postgres://user:password@host/database?sslmode=disable
//	MYAUTH_TEST_REDIS_URL       redis://host:6379
//	MYAUTH_TEST_REDIS_CLUSTER   host:port,host:port,host:port
//	MYAUTH_TEST_MONGO_URI       mongodb://host:27017
//
// Tests must then leave what they find there alone, and remove what they make.
//
// A test whose server cannot be had is skipped, and says how to get it. Where
// MYAUTH_TEST_REQUIRE is all, or lists the server (postgres, pgbouncer, redis, mongo), it fails; a
// name in it that is no server's fails every test.
package servers
