// An application on MongoDB.
package main

import (
	"context"
	"os"

	"myauth.internal/drivers/mongo"
)

func main() {
	store, err := mongo.Open(context.Background(), os.Getenv("MONGO_URI"), nil)
	check(err)
	defer store.Close()
	live(store.Stores())
}
