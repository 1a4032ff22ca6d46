// An application on one SQLite file.
package main

import (
	"context"

	"myauth.internal/drivers/sqlite"
)

func main() {
	store, err := sqlite.Open(context.Background(), "auth.db", nil)
	check(err)
	defer store.Close()
	live(store.Stores())
}
