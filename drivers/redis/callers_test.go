package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// An application's client repeats commands and looks at no context, as go-redis does
// unless it is told otherwise, and may speak RESP 2. The contract holds all the same,
// when answers get lost too.
func TestConformanceCallersClient(t *testing.T) {
	addr := plain(t, servers.Redis(t)).Options().Addr
	proveClient(t, func(dial dialer) goredis.UniversalClient {
		return goredis.NewClient(&goredis.Options{Addr: addr, Dialer: dial, Protocol: 2})
	})
}

func TestConformanceCallersCluster(t *testing.T) {
	nodes := servers.RedisCluster(t)
	proveClient(t, func(dial dialer) goredis.UniversalClient {
		return goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: nodes, Dialer: dial})
	})
}

func proveClient(t *testing.T, client func(dialer) goredis.UniversalClient) {
	through := func(n *conformance.Network) conformance.Open {
		prefix := "test-" + rand.Text()
		return func(t testing.TB) conformance.Stores {
			c := client(n.DialContext)
			store, err := redis.New(context.Background(), c, &redis.Options{Prefix: prefix})
			if err != nil {
				t.Fatal(err)
			}
			return conformance.Stores{Stores: store.Stores(), Stall: n.Hang,
				Close: func() error { return errors.Join(store.Close(), c.Close()) },
				Newer: func(table, id string) error { return makeNewer(c, store, table, id) }}
		}
	}
	conformance.Run(t, conformance.Config{
		New:      func(t testing.TB) conformance.Open { return through(conformance.NewNetwork(t)) },
		Network:  func(_ testing.TB, n *conformance.Network) conformance.Open { return through(n) },
		Parallel: true,
	})
}

// Users in one place and tokens in Redis.
func TestTogether(t *testing.T) {
	for name, url := range map[string]string{"server": servers.Redis(t), "cluster": cluster(t)} {
		t.Run(name, func(t *testing.T) {
			conformance.RunTogether(t, conformance.Config{New: func(t testing.TB) conformance.Open {
				accounts, o := memstore.New().Stores(), fresh()
				return func(t testing.TB) conformance.Stores {
					store, err := redis.Open(context.Background(), url, o)
					if err != nil {
						t.Fatal(err)
					}
					both := accounts
					both.Tokens = store.Tokens()
					return conformance.Stores{Stores: both, Close: store.Close}
				}
			}, Without: []conformance.Ability{conformance.Durability, conformance.Upgrading, conformance.Stalling, conformance.Networking}, Parallel: true})
		})
	}
}

// A client that waits long for the server keeps no caller waiting.
func TestContextEndsTheWait(t *testing.T) {
	for _, o := range []goredis.Options{{}, {ContextTimeoutEnabled: true}, {MaxRetries: -1}} {
		n := conformance.NewNetwork(t)
		o.Addr, o.Dialer, o.ReadTimeout = plain(t, servers.Redis(t)).Options().Addr, n.DialContext, 3*time.Second
		client := goredis.NewClient(&o)
		defer client.Close()
		store, err := redis.New(t.Context(), client, fresh())
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if err := store.Users().Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		release := n.Hang()
		for range 3 { // fewer than the pool has connections, for which a call would wait in vain
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			start := time.Now()
			err := store.Tokens().Create(ctx, newToken("1", "1"))
			if took := time.Since(start); took > time.Second || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("%v after %v, with a deadline", err, took)
			}
			cancel()
		}
		for range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(10*time.Millisecond, cancel)
			start := time.Now()
			err := store.Tokens().Create(ctx, newToken("1", "1"))
			if took := time.Since(start); took > time.Second || !errors.Is(err, context.Canceled) {
				t.Errorf("%v after %v", err, took)
			}
		}
		release()
	}
}

// A cluster's client may have more to wait for than the answer: what kind of command it
// is about to send.
func TestContextEndsTheWaitForACluster(t *testing.T) {
	for _, o := range []goredis.ClusterOptions{{}, {ContextTimeoutEnabled: true}, {ContextTimeoutEnabled: true, DisableRoutingPolicies: true}} {
		n := conformance.NewNetwork(t)
		o.Addrs, o.Dialer = servers.RedisCluster(t), n.DialContext
		client := goredis.NewClusterClient(&o)
		defer client.Close()
		store, err := redis.New(t.Context(), client, fresh())
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		// The client knows the nodes, and nothing about commands yet.
		if err := client.ForEachMaster(t.Context(), func(ctx context.Context, c *goredis.Client) error { return c.Ping(ctx).Err() }); err != nil {
			t.Fatal(err)
		}
		release := n.Hang()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		_, err = store.Users().ByID(ctx, "1")
		if took := time.Since(start); took > 2*time.Second || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("%v after %v", err, took)
		}
		cancel()
		release()
	}
}

// Without a context's end, the client's time-out ends the wait.
func TestClientTimeout(t *testing.T) {
	n := conformance.NewNetwork(t)
	o := fresh()
	o.Dial = n.DialContext
	store := open(t, servers.Redis(t)+"?read_timeout=100ms&dial_timeout=100ms", o)
	defer n.Hang()()
	for i := range 3 {
		if err := store.Users().Create(context.Background(), newUser(fmt.Sprint(i))); !isOutage(err) {
			t.Errorf("Create: %v", err)
		}
	}
}
