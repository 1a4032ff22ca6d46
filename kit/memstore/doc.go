// Package memstore keeps users and tokens in the memory of the process, for
// tests, demonstrations and WebAssembly. It passes the conformance suite like
// any driver, so what is tried out on it behaves the same on a database.
//
//	store := memstore.New()
//	svc, err := kit.New(store.Users(), store.Tokens(), keys, nil)
//
// The data dies with the process, and with [Store.Close]. Nothing is shared
// between processes: two servers that each have a memstore know different users.
//
// It is built for a million users and more: no operation looks at records other
// than those it is asked for. Users and tokens are found by hash; a user's
// tokens lie in lists sorted by ID; and tokens wait for [Tokens.DeleteExpired]
// in buckets of one minute each, so that the number of tokens in the store
// hardly shows in the cost of removing one.
package memstore
