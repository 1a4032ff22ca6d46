// Package redis keeps MyAuth's users and tokens in Redis, on one server or in a
// Redis Cluster, by github.com/redis/go-redis/v9.
//
//	store, err := redis.Open(ctx, "rediss://:secret@redis.example.com:6379", nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer store.Close()
//	svc, err := kit.New(store.Users(), store.Tokens(), keys, nil)
//
// [Open] has a client of its own. [New] takes the application's, a *redis.Client or a
// *redis.ClusterClient, and leaves it open.
//
// # Atomicity
//
// Every write is one Lua script on keys of one hash slot, all of them declared, so
// Redis runs it as a whole and alone, in a cluster as well. A script checks
// whatever can fail before it changes anything.
//
// # Lost answers
//
// go-redis repeats commands whose answer was lost, and a repeated write would meet
// the work of its own first try. The writes of this package are commands that tell
// the client not to be repeated, whatever its settings; redirections of a cluster are
// followed, since a redirected command did nothing. So a lost answer is an
// error that wraps kit.ErrUnavailable, and every definite answer is true.
//
// # Durability
//
// What was acknowledged is as durable as the server makes it, which by default is
// little. The README beside this file says what its settings mean for accounts and
// sessions, and describes the keys.
package redis
