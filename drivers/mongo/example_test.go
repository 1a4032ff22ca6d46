package mongo_test

import (
	"context"
	"log"
	"os"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/drivers/mongo"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// Open owns its client. The three stores go into kit.New.
func ExampleOpen() {
	store, err := mongo.Open(context.Background(), os.Getenv("MONGODB_URI"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	keys, err := accesstoken.HMAC([]byte(os.Getenv("JWT_SECRET")))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close(context.Background())
}

// New shares the application's client.
func ExampleNew() {
	client, err := driver.Connect(options.Client().ApplyURI(os.Getenv("MONGODB_URI")))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Disconnect(context.Background())

	store, err := mongo.New(context.Background(), client.Database("app"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close() // the client stays connected
}
