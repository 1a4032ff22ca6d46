// Package mongo keeps users, tokens and credentials in MongoDB, through mongo-driver v2.
//
//	store, err := mongo.Open(ctx, "mongodb://app:secret@db.example.com/app?tls=true", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer store.Close()
//	svc, err := kit.New(store.Stores(), keys, nil)
//
// [New] uses the client that an application has already. A standalone server, a
// replica set and a sharded cluster with unsharded collections are all the same to
// it: there are no transactions, every change is one document.
//
// # What it promises
//
// Every sentence of the contracts [kit.UserStore], [kit.UserLister] and [kit.TokenStore], as
// the tests show with package conformance over the real protocol and a network that breaks.
// Writes wait for a majority of the members and their journals, reads ask the
// primary for what a majority has, whatever the client's settings are. One exception:
// until a primary that was cut off steps down, some ten seconds, a read through it
// may miss what its successor has acknowledged.
//
// A write whose answer is lost is repeated by the driver only on a replica set,
// where the server recognises the repetition; elsewhere its error wraps
// [kit.ErrUnavailable], and package kit looks what became of it.
package mongo
