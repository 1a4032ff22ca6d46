// Package sqlite keeps MyAuth's users, tokens and credentials in an SQLite database,
// without cgo, through github.com/ncruces/go-sqlite3.
//
//	store, err := sqlite.Open(ctx, "auth.db", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer store.Close()
//	svc, err := kit.New(store.Stores(), keys, nil)
//
// [Open] makes the file, its directory and the pool. [New] takes the application's
// pool, so that the accounts live in the same file as its data, and [Store.InTx] writes them in
// the application's own transactions. Both bring the schema
// up to date. Any number of processes on one machine may do so at once, and share the
// file afterwards.
//
// # Durability
//
// The connections of [Open] run in WAL mode with synchronous=FULL: a write that was
// acknowledged was synced to the disk. It survives a crash of the process or of the
// operating system, and a power cut, as far as the disk keeps its promises.
//
// # Concurrency
//
// SQLite has one writer at a time. Writes of one [Store] queue in the order in which
// they came, each as long as its context allows, and hold no connection while they wait,
// so readers always find one. Those that wait share the next commit, up to 64 of them: each is answered after
// it, with an answer of its own, and a caller that gives up ends no other's write. For writers in other
// processes SQLite waits as long as its busy timeout says.
//
// README.md describes the schema.
package sqlite
