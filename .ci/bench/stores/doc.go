// Package stores measures what each driver costs beside a minimal store on the same
// database, and how the cost grows with the data. It is a module of its own, outside
// go.work, so that no driver's tests need the harness:
//
//	GOWORK=off go test -bench . -benchmem
//
// Each benchmark makes the calls of one use case of a Service, without the hash, the
// tokens and HTTP: once over the driver's store, and once over a store of this package
// that issues one statement a call and checks nothing. The use cases are:
//
//	login     a user by address, a new session
//	refresh   a session, its user, the rotation of the session
//	logout    a session, its end
//	me        a user by ID
//	register  a look at the address, a new user
//	purge     removal of a thousand expired sessions
//
// The benchmarks of pages compare a page of a hundred users, at three places of both orders, with
// the same statement or commands over the bare client: they read the same data, and users alone.
//
// Each use case runs with 1 and with 16 callers. MYAUTH_BENCH_USERS lists the numbers of users, each
// with one session, that the stores hold meanwhile: 1000 by default; 1000,1000000 shows
// the growth. The sides take turns of some milliseconds, so that a machine which is slow
// for a while is slow for all of them, and the middle three quarters of the turns count.
// An operation that takes longer than two seconds, as a call of a Service may, fails the
// benchmark. The figures are:
//
//	ns/op             a use case over the driver's store
//	bare-ns/op        the same over the minimal store
//	ratio             the second by the first: 1 when the driver costs nothing
//	growth            ns/op by that of the smallest size
//	bare-growth       the same of the minimal store: what the database grows by
package stores
