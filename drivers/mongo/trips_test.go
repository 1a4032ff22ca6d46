package mongo_test

import (
	"context"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/event"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/conformance"
	"myauth.internal/drivers/mongo"
)

// Every command counts; on the wire there are also those by which the driver watches the servers.
func TestTrips(t *testing.T) {
	uri := database(t)
	var commands atomic.Int64
	monitor := &event.CommandMonitor{Started: func(context.Context, *event.CommandStartedEvent) { commands.Add(1) }}
	client, err := driver.Connect(options.Client().ApplyURI(uri).SetMonitor(monitor))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	store, err := mongo.New(t.Context(), client.Database(nameOf(uri)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conformance.RunTrips(t, store.Stores(), func() int { return int(commands.Load()) }, map[string]int{
		"tokens.DeleteExpired": 1, "credentials.DeleteExpired": 1, // finds what has expired, and removes it
	})
}
