package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

const secret = "pa55w0rd"

// wantRefused checks the error of an Open or New that must fail with advice.
func wantRefused(t *testing.T, err error, advice string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "redis: ") || !strings.Contains(err.Error(), advice) {
		t.Errorf("got %v, want advice with %q", err, advice)
	} else if strings.Contains(fmt.Sprintf("%+v %#v", err, err), secret) {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestURLs(t *testing.T) {
	for url, advice := range map[string]string{
		"":                                           "redis://user:password@host",
		"redis":                                      "redis://user:password@host",
		secret:                                       "redis://user:password@host",
		"http://:pa55w0rd@localhost":                 "redis://user:password@host",
		"redis://:pa55w0rd/@localhost:6379":          "hexadecimal",
		"redis://:pa55w0rd%zz@localhost:6379":        "hexadecimal",
		"redis://pa55w0rd/x@localhost:6379":          "hexadecimal",
		"redis://:x?pa55w0rd=@localhost:6379":        "hexadecimal",
		"redis://:x#pa55w0rd@localhost:6379":         "hexadecimal",
		"redis://localhost:6379/pa55w0rd":            "hexadecimal",
		"redis://localhost:6379?pa55w0rd=1":          "hexadecimal",
		"redis://localhost:6379?read_timeout=x":      "hexadecimal",
		"redis://localhost:6379?cluster=pa55w0rd":    "true or false",
		"rediss://:pa55w0rd@a:1,b:2":                 "cluster=true",
		"rediss://:pa55w0rd@a:1/1?cluster=true":      "no numbered databases",
		"rediss://:pa55w0rd@a:1?cluster=true&db=1":   "no numbered databases",
		"rediss://:pa55w0rd@a:1?cluster=true&addr=b": "hexadecimal",
		"redis://localhost:6379?read_timeout=-1":     "waits for ever",
		"redis://a:1?cluster=true&read_only=true":    "replicas",
		"redis://:pa55w0rd@127.0.0.1:1":              "refused",
		"redis://:pa55w0rd@127.0.0.1:1?cluster=1":    "refused",
		"rediss://:pa55w0rd@127.0.0.1:1":             "refused",
		"redis://:pa55w0rd@127.0.0.1:1,127.0.0.1:2":  "cluster=true",
	} {
		store, err := redis.Open(t.Context(), url, nil)
		if err == nil {
			store.Close()
		}
		wantRefused(t, err, advice)
	}
}

func TestClusterURLs(t *testing.T) {
	nodes := servers.RedisCluster(t)
	for _, url := range []string{
		"redis://" + nodes[0] + "?cluster=true",
		"redis://" + nodes[0] + "/0?cluster=1&pool_size=2&addr=" + nodes[1] + "&addr=" + nodes[2],
		"redis://127.0.0.1:1/?cluster=true&addr=" + nodes[2], // one of them is down
	} {
		store := open(t, url, fresh())
		if err := store.Users().Create(t.Context(), newUser("1")); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestServerOrCluster(t *testing.T) {
	single, nodes := servers.Redis(t), servers.RedisCluster(t)
	_, err := redis.Open(t.Context(), "redis://"+nodes[0], nil)
	wantRefused(t, err, "add cluster=true")
	_, err = redis.Open(t.Context(), "redis://"+nodes[0]+"?cluster=false", nil)
	wantRefused(t, err, "add cluster=true")
	_, err = redis.Open(t.Context(), single+"?cluster=true", nil)
	wantRefused(t, err, "leave cluster=true out")

	_, err = redis.New(t.Context(), plain(t, "redis://"+nodes[0]), fresh())
	wantRefused(t, err, "use a cluster client")
	// A server may become part of a cluster later, and then the calls say it.
	store, err := redis.NewUnchecked(plain(t, "redis://"+nodes[0]), fresh())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	refused := 0
	for i := range 50 { // one node of three has some of the slots
		if _, err := store.Tokens().ByID(t.Context(), fmt.Sprint(i)); !errors.Is(err, kit.ErrNotFound) {
			wantRefused(t, err, "use a cluster client")
			refused++
		}
	}
	if refused == 0 {
		t.Error("no call was refused")
	}
}

func TestPassword(t *testing.T) {
	s := startServer(t, "--requirepass", "right")
	open(t, "redis://:right@"+s.addr, nil)
	for _, login := range []string{":" + secret + "@", secret + ":" + secret + "@"} {
		_, err := redis.Open(t.Context(), "redis://"+login+s.addr, nil)
		wantRefused(t, err, "does not accept this user and password")
		if !isOutage(err) {
			t.Errorf("%v is no kit.ErrUnavailable", err)
		}
	}
	_, err := redis.Open(t.Context(), s.url(), nil)
	wantRefused(t, err, "wants a password")
}

func TestEvictingServer(t *testing.T) {
	s := startServer(t, "--maxmemory-policy", "allkeys-lru")
	_, err := redis.Open(t.Context(), s.url(), nil)
	wantRefused(t, err, "noeviction")
	_, err = redis.New(t.Context(), plain(t, s.url()), nil)
	wantRefused(t, err, "allkeys-lru")
	if err := plain(t, s.url()).ConfigSet(t.Context(), "maxmemory-policy", "volatile-lru").Err(); err != nil {
		t.Fatal(err)
	}
	open(t, s.url(), nil) // no key of a store has an expiry
}

// everyCommand are those that the README lists.
var everyCommand = []string{"del", "exists", "get", "set", "zadd", "zrem", "zcard", "zrangebylex", "eval", "evalsha"}

// A command that was renamed, or that the user may not run, would end a script half-way:
// a new address in the record and the old one in the index, say.
func TestCommandsThatAreRefused(t *testing.T) {
	for _, command := range everyCommand {
		renamed := startServer(t, "--rename-command", command, "")
		_, err := redis.Open(t.Context(), renamed.url(), nil)
		wantRefused(t, err, "renamed")
		renamed.kill()
	}
	s := startServer(t)
	client := plain(t, s.url())
	for _, without := range everyCommand {
		rights := []any{"ACL", "SETUSER", "app", "reset", "on", ">" + secret, "~{myauth*", "+@all", "-" + without}
		if err := client.Do(t.Context(), rights...).Err(); err != nil {
			t.Fatal(err)
		}
		_, err := redis.Open(t.Context(), "redis://app:"+secret+"@"+s.addr, nil)
		wantRefused(t, err, "ACL")
	}
	if keys, err := client.Keys(t.Context(), "*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("left: %q, %v", keys, err)
	}
}

// A server that keeps its settings to itself is taken.
func TestServerThatTellsNothing(t *testing.T) {
	s := startServer(t, "--maxmemory-policy", "allkeys-lru")
	rights := []any{"ACL", "SETUSER", "app", "on", ">" + secret, "~{myauth*"}
	for _, command := range everyCommand {
		rights = append(rights, "+"+command)
	}
	if err := plain(t, s.url()).Do(t.Context(), rights...).Err(); err != nil {
		t.Fatal(err)
	}
	store := open(t, "redis://app:"+secret+"@"+s.addr, nil)
	users, tokens := store.Users(), store.Tokens()
	u, token := newUser("1"), newToken("t", "1")
	moved := newUser("1")
	moved.Email = "else@example.com"
	for _, err := range []error{users.Create(t.Context(), u), users.Update(t.Context(), moved), tokens.Create(t.Context(), token), tokens.Update(t.Context(), token), users.Delete(t.Context(), "1"),
		store.Credentials().Create(t.Context(), token), store.Credentials().Delete(t.Context(), "t", 1)} {
		if err != nil {
			t.Errorf("the commands that the README lists are not enough: %v", err)
		}
	}
	if list, err := tokens.ByUser(t.Context(), "1", "", 10); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	if n, err := tokens.DeleteExpired(t.Context(), testTime.Add(2*time.Hour), 10); err != nil || n != 1 {
		t.Error(n, err)
	}
	// Another prefix is beyond what this user may do.
	_, err := redis.Open(t.Context(), "redis://app:"+secret+"@"+s.addr, &redis.Options{Prefix: "other"})
	wantRefused(t, err, "ACL")
}

func TestOptions(t *testing.T) {
	url := servers.Redis(t)
	for _, prefix := range []string{"{x}", "a b", "x\n", "a}", "é", "*", "a/b", strings.Repeat("x", 65)} {
		_, err := redis.Open(t.Context(), url, &redis.Options{Prefix: prefix})
		wantRefused(t, err, "Options.Prefix")
		_, err = redis.New(t.Context(), plain(t, url), &redis.Options{Prefix: prefix})
		wantRefused(t, err, "Options.Prefix")
	}
}

func TestClientsThatAreRefused(t *testing.T) {
	var noServer *goredis.Client
	var noCluster *goredis.ClusterClient
	cluster := func(o goredis.ClusterOptions) goredis.UniversalClient {
		o.Addrs = []string{"127.0.0.1:1"}
		return goredis.NewClusterClient(&o)
	}
	for _, c := range []struct {
		client goredis.UniversalClient
		advice string
	}{
		{nil, "needs a client"},
		{noServer, "needs a client"},
		{noCluster, "needs a client"},
		{goredis.NewRing(&goredis.RingOptions{}), "Ring"},
		{goredis.NewClient(&goredis.Options{ReadTimeout: -1}), "waits for ever"},
		{goredis.NewClient(&goredis.Options{WriteTimeout: -2}), "waits for ever"},
		{goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1", ClientSideCacheConfig: &goredis.ClientSideCacheConfig{}}), "caches"},
		{cluster(goredis.ClusterOptions{ReadOnly: true}), "replicas"},
		{cluster(goredis.ClusterOptions{RouteByLatency: true}), "replicas"},
		{cluster(goredis.ClusterOptions{RouteRandomly: true}), "replicas"},
		{cluster(goredis.ClusterOptions{ReadTimeout: -1}), "waits for ever"},
	} {
		_, err := redis.New(t.Context(), c.client, nil)
		wantRefused(t, err, c.advice)
		if c.client != nil && c.client != goredis.UniversalClient(noServer) && c.client != goredis.UniversalClient(noCluster) {
			c.client.Close()
		}
	}
}

// The caller's client outlives the store, and the store's own does not.
func TestClose(t *testing.T) {
	client := plain(t, servers.Redis(t))
	store, err := redis.New(t.Context(), client, fresh())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Users().Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the caller's client after Close: %v", err)
	}
	for _, ctx := range []context.Context{t.Context(), context.Background()} {
		if _, err := store.Users().ByID(ctx, "1"); !isOutage(err) || !strings.Contains(err.Error(), "closed") {
			t.Errorf("ByID after Close: %v", err)
		}
	}

	// A client that its owner has closed is an outage too.
	store, err = redis.New(t.Context(), client, fresh())
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := store.Users().Create(t.Context(), newUser("1")); !isOutage(err) {
		t.Errorf("Create by a closed client: %v", err)
	}
}

// Close ends calls that wait for a server which does not answer.
func TestCloseWhileCallsHang(t *testing.T) {
	n := conformance.NewNetwork(t)
	o := fresh()
	o.Dial = n.DialContext
	store, err := redis.Open(t.Context(), servers.Redis(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Hang()()
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			errs[i] = store.Users().Create(ctx, newUser(fmt.Sprint(i)))
		})
	}
	wg.Wait()
	for _, err := range errs {
		if !errors.Is(err, context.DeadlineExceeded) && !isOutage(err) {
			t.Errorf("Create: %v", err)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- store.Close() }()
	late := time.NewTimer(8 * time.Second)
	defer late.Stop()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-late.C:
		t.Error("Close does not end")
	}
}

func TestConcurrentOpen(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	var wg sync.WaitGroup
	start := make(chan struct{})
	won := make([]bool, 16)
	for i := range won {
		wg.Go(func() {
			<-start
			store, err := redis.Open(context.Background(), url, o)
			if err != nil {
				t.Error(err)
				return
			}
			defer store.Close()
			err = store.Users().Create(context.Background(), newUser("1"))
			if won[i] = err == nil; err != nil && !errors.Is(err, kit.ErrUserExists) {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d winners", winners)
	}
}

// Prefixes of which one begins like the other, or like what the store adds, do not meet.
func TestPrefixesAreApart(t *testing.T) {
	url := servers.Redis(t)
	base := fresh().Prefix
	for _, prefix := range []string{base, base + ":tokens", base + ":tokens:1", base + ":users", strings.ToLower(base)} {
		store := open(t, url, &redis.Options{Prefix: prefix})
		if err := store.Users().Create(t.Context(), newUser("1")); err != nil {
			t.Errorf("%s: %v", prefix, err)
		}
		for i := range 40 {
			if err := store.Tokens().Create(t.Context(), newToken(fmt.Sprint(i), "1")); err != nil {
				t.Errorf("%s: %v", prefix, err)
			}
		}
		if list, err := store.Tokens().ByUser(t.Context(), "1", "", 1000); err != nil || len(list) != 40 {
			t.Errorf("%s: %d tokens, %v", prefix, len(list), err)
		}
	}
}

// No key has an expiry of its own: Redis judges nothing.
func TestNothingExpiresByItself(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	store, client := open(t, url, o), plain(t, url)
	if err := store.Users().Create(t.Context(), newUser("1")); err != nil {
		t.Fatal(err)
	}
	if err := store.Tokens().Create(t.Context(), newToken("1", "1")); err != nil {
		t.Fatal(err)
	}
	keys, err := client.Keys(t.Context(), "{"+o.Prefix+":*").Result()
	if err != nil || len(keys) != 6 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		if ttl, err := client.TTL(t.Context(), key).Result(); err != nil || ttl != -1 {
			t.Errorf("%s: %v, %v", key, ttl, err)
		}
	}
	// And nothing is left behind.
	if err := store.Users().Delete(t.Context(), "1"); err != nil {
		t.Error(err)
	}
	if n, err := store.Tokens().DeleteExpired(t.Context(), testTime.Add(time.Hour), 10); n != 1 || err != nil {
		t.Error(n, err)
	}
	if keys, err := client.Keys(t.Context(), "{"+o.Prefix+":*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("left: %q, %v", keys, err)
	}
}

// A URL that asks for TLS gets it, whoever makes the connection: else the password
// would go out in clear.
func TestTLSOverDial(t *testing.T) {
	for _, option := range []string{"", "?cluster=true"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		first := make(chan byte, 64)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				b := make([]byte, 1)
				if _, err := io.ReadFull(conn, b); err == nil {
					select {
					case first <- b[0]:
					default:
					}
				}
				conn.Close()
			}
		}()
		var d net.Dialer
		_, err = redis.Open(t.Context(), "rediss://app:"+secret+"@"+l.Addr().String()+option, &redis.Options{Dial: d.DialContext})
		if !isOutage(err) {
			t.Errorf("a server without TLS: %v", err)
		}
		const handshake = 0x16 // RFC 8446 section 5.1
		if b := <-first; b != handshake {
			t.Errorf("the first byte is %q and no handshake", b)
		}
	}
}
