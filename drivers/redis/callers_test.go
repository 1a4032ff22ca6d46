package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit/memstore"
)

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// An application's client repeats commands and looks at no context, as go-redis does
// unless it is told otherwise. The contract holds all the same, when answers get
// lost too.
func TestConformanceCallersClient(t *testing.T) {
	addr := plain(t, servers.Redis(t)).Options().Addr
	proveClient(t, func(dial dialer) goredis.UniversalClient {
		return goredis.NewClient(&goredis.Options{Addr: addr, Dialer: dial})
	})
}

func TestConformanceCallersCluster(t *testing.T) {
	nodes := servers.RedisCluster(t)
	proveClient(t, func(dial dialer) goredis.UniversalClient {
		return goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: nodes, Dialer: dial})
	})
}

// RESP 2 and many repetitions, with contexts.
func TestConformanceOldProtocol(t *testing.T) {
	addr := plain(t, servers.Redis(t)).Options().Addr
	proveClient(t, func(dial dialer) goredis.UniversalClient {
		return goredis.NewClient(&goredis.Options{Addr: addr, Dialer: dial, Protocol: 2, MaxRetries: 10, ContextTimeoutEnabled: true, PoolSize: 3})
	})
}

func proveClient(t *testing.T, client func(dialer) goredis.UniversalClient) {
	through := func(n *conformance.Network) conformance.Open {
		prefix := "test-" + rand.Text()
		return func(t testing.TB) conformance.Stores {
			c := client(n.DialContext)
			store, err := redis.New(c, &redis.Options{Prefix: prefix})
			if err != nil {
				t.Fatal(err)
			}
			return conformance.Stores{
				Users: store.Users(), Tokens: store.Tokens(),
				Close: func() error { return errors.Join(store.Close(), c.Close()) },
				Stall: func() (release func()) {
					release = n.Hang()
					return func() {
						release()
						// What a caller has left arrives now, and not between two looks
						// at what became of it.
						redis.Settle(store)
					}
				},
			}
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
				users, o := memstore.New(), fresh()
				return func(t testing.TB) conformance.Stores {
					store, err := redis.Open(context.Background(), url, o)
					if err != nil {
						t.Fatal(err)
					}
					return conformance.Stores{Users: users.Users(), Tokens: store.Tokens(), Close: store.Close}
				}
			}, Without: []conformance.Ability{conformance.Durability, conformance.Stalling, conformance.Networking}, Parallel: true})
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
		store, err := redis.New(client, fresh())
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if err := store.Users().Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		release := n.Hang()
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

// The store's own client keeps nobody waiting for long either, though it leaves that
// to go-redis.
func TestContextEndsTheWaitOfOpen(t *testing.T) {
	n := conformance.NewNetwork(t)
	o := fresh()
	o.Dialer = n.DialContext
	store := open(t, servers.Redis(t), o)
	defer n.Hang()()
	for name, c := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		want time.Duration
	}{
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		}, time.Second},
		"cancellation": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		}, 4 * time.Second},
	} {
		ctx, cancel := c.end(context.Background())
		start := time.Now()
		err := store.Tokens().Create(ctx, newToken("1", "1"))
		if took := time.Since(start); took > c.want || ctx.Err() == nil || !errors.Is(err, ctx.Err()) && !isOutage(err) {
			t.Errorf("%s: %v after %v", name, err, took)
		}
		cancel()
	}
}

// Without a context's end, the client's time-out ends the wait.
func TestClientTimeout(t *testing.T) {
	n := conformance.NewNetwork(t)
	o := fresh()
	o.Dialer = n.DialContext
	store := open(t, servers.Redis(t)+"?read_timeout=100ms&dial_timeout=100ms", o)
	defer n.Hang()()
	for i := range 3 {
		if err := store.Users().Create(context.Background(), newUser(fmt.Sprint(i))); !isOutage(err) {
			t.Errorf("Create: %v", err)
		}
	}
}

// A panic of an application's hook comes up where the call was made, and does not end
// the process.
func TestPanicOfAHook(t *testing.T) {
	client := plain(t, servers.Redis(t))
	store, err := redis.New(client, fresh())
	if err != nil {
		t.Fatal(err)
	}
	client.AddHook(panicking{})
	for _, ctx := range []context.Context{t.Context(), context.Background()} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "a hook") {
					t.Errorf("recovered %v", r)
				}
			}()
			_, err := store.Users().ByID(ctx, "1")
			t.Errorf("ByID returned with %v", err)
		}()
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

type panicking struct{ goredis.Hook }

func (panicking) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (panicking) ProcessHook(goredis.ProcessHook) goredis.ProcessHook {
	return func(context.Context, goredis.Cmder) error { panic("a hook") }
}

func (panicking) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

// Close leaves no goroutine behind, whatever ran before.
func TestNoGoroutineIsLeft(t *testing.T) {
	url := servers.Redis(t)
	before := runtime.NumGoroutine()
	store, err := redis.Open(t.Context(), url, fresh())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%2 == 0 {
				go cancel()
			}
			_ = store.Users().Create(ctx, newUser(fmt.Sprint(i))) // whatever comes of it
		})
	}
	wg.Wait()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the goroutines end", func() error {
		if now := runtime.NumGoroutine(); now > before {
			return fmt.Errorf("%d goroutines, and %d before", now, before)
		}
		return nil
	})
}
