// Package sqlite keeps MyAuth's users and tokens in an SQLite database, without
// cgo, by github.com/ncruces/go-sqlite3.
//
//	store, err := sqlite.Open(ctx, "auth.db", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer store.Close()
//	svc, err := kit.New(store.Users(), store.Tokens(), keys, nil)
//
// [Open] makes the file, its directory and the pool. [New] takes the
// application's own pool, so that the accounts live in the same file as its data.
// Both bring the schema up to date, and any number of processes on one machine may
// do so at once and share the file afterwards.
//
// # Durability
//
// The connections of [Open] run in WAL mode with synchronous=FULL: a write that was
// acknowledged was synced to the disk, and survives a crash of the process, of the
// operating system, and a power cut, as far as the disk keeps its promises.
//
// # Concurrency
//
// SQLite has one writer at a time. Writes of one [Store] queue in the order that
// they came, each as long as its context allows, and hold no connection while they
// wait; so readers always find one. Writers in other processes are waited for by
// SQLite's busy timeout.
//
// Statements, row mapping and migrations are those of package kit/sqlstore, which
// the PostgreSQL driver shares. The schema is described in the README beside this
// file.
package sqlite
