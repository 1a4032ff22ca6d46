// Command bare is the least that starts as the reference server does: it opens the same SQLite driver
// on a file, and answers /readyz by a look-up.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

func main() {
	l, err := net.Listen("tcp", os.Getenv("MYAUTH_ADDR"))
	if err != nil {
		log.Fatal(err)
	}
	db, err := driver.Open("file:bare.db", func(c *sqlite3.Conn) error {
		return c.Exec("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = wal; PRAGMA synchronous = full")
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT) STRICT"); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		var n int
		if err := db.QueryRowContext(r.Context(), "SELECT count(*) FROM users WHERE id = ''").Scan(&n); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, `{"status":"ok"}`)
	})
	fmt.Fprintf(os.Stderr, "listening on http://%s\n", l.Addr())
	log.Fatal(http.Serve(l, nil))
}
