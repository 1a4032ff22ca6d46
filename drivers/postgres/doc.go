// Package postgres keeps users, tokens and credentials in PostgreSQL 14 or later, through
// lib/pq.
//
//	store, err := postgres.Open(ctx, "postgres://app:secret@db.example.com/app", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer store.Close()
//	svc, err := kit.New(store.Stores(), keys, nil)
//
// [New] uses the pool that an application has already, pgx's too, and [Store.InTx] one of its
// transactions; [NewConnector] makes
// one whose calls end with their contexts also while the network hangs. Without an
// sslmode the server's certificate is checked, unless the server is on this machine.
// Poolers such as PgBouncer may stand in between, in transaction mode too.
//
// # What it promises
//
// Every sentence of the contracts [kit.UserStore] and [kit.TokenStore], as the tests
// show with package conformance on a real server, over a network that breaks. Each
// write is one statement and one round trip. One that was acknowledged is as
// durable as the server's synchronous_commit and synchronous_standby_names make
// it; README.md says what a failover can lose.
//
// A write is sent once: database/sql would run it again when the connection
// breaks, and then report the conflict with its own first run. Its error wraps
// [kit.ErrUnavailable] instead, and package kit looks what became of it.
package postgres
