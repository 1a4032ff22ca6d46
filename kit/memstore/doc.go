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
// It is built for a million users and more. Users and tokens are found by hash; a
// user's tokens are a list sorted by ID, of which a removal moves what is behind
// it; and tokens wait for [Tokens.DeleteExpired] in buckets of one minute
// each, of which only the one that the limit lies in is looked through. So it is
// the number of a user's own tokens, and of those that end in one minute, that shows
// in the cost of removing one, and hardly that of all.
package memstore
