// Package redis keeps MyAuth's users, tokens and credentials in Redis, on one server or in
// a Redis Cluster, through github.com/redis/go-redis/v9.
//
//	store, err := redis.Open(ctx, "rediss://:secret@redis.example.com:6379", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer store.Close()
//	svc, err := kit.New(store.Stores(), keys, nil)
//
// [Store.Buckets] is where a throttle of several instances counts.
//
// Every write is one Lua script on keys of one hash slot, all of them declared, so
// Redis runs it as a whole and alone, in a cluster as well.
//
// go-redis repeats commands whose answer was lost, and a repeated write would meet
// the work of its own first try. So the writes of this package tell the client not to
// repeat them, whatever its settings. A lost answer is an error that wraps
// [kit.ErrUnavailable], and every definite answer is true.
//
// How durable an acknowledged write is, the server's settings decide. The README beside
// this file says what they mean for accounts and sessions, and describes the keys.
package redis
