package redis_test

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
)

// moreTrips says what takes more than one round trip: a list reads an index and then records, since one
// script for both would hold the server up; an update declares the index of addresses only once it is
// known that the address changes; and a purge asks each of sixteen partitions, and removes what one has
// with a script.
var moreTrips = map[string]int{
	"users.List": 1, "users.ListByEmail": 1, "tokens.ByUser": 1, "credentials.ByUser": 1,
	"ConfirmEmailChange": 1, "DeleteUser": 1,
	"tokens.DeleteExpired": 16, "credentials.DeleteExpired": 16,
	"PurgeExpired": -1, // the list of accounts whose deletion was interrupted is empty
}

// On one server everything that goes over the wire counts.
func TestTrips(t *testing.T) {
	n, o := conformance.NewNetwork(t), fresh()
	o.Dial = n.DialContext
	store := open(t, servers.Redis(t)+"?pool_size=1", o) // a second connection would begin with a greeting
	conformance.RunTrips(t, store.Stores(), n.Answers, moreTrips)
}

// In a cluster a pipeline counts once, since its parts go to all servers at a time.
func TestTripsCluster(t *testing.T) {
	client := connect(t, cluster(t))
	defer client.Close()
	var trips counter
	client.AddHook(&trips)
	store, err := redis.New(t.Context(), client, fresh())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	moreTrips := maps.Clone(moreTrips)
	moreTrips["tokens.WithOwner"] = 1 // a token and its user are in different slots
	conformance.RunTrips(t, store.Stores(), func() int { return int(trips.Load()) }, moreTrips)
}

// counter is a hook that counts commands and pipelines.
type counter struct {
	goredis.Hook
	atomic.Int64
}

func (*counter) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (c *counter) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		if !goredis.HasErrorPrefix(err, "NOSCRIPT") { // once for each script and server
			c.Add(1)
		}
		return err
	}
}

func (c *counter) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		c.Add(1)
		return next(ctx, cmds)
	}
}
