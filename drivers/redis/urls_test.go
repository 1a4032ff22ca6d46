package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/drivers/redis"
)

// URLs as services hand them out. Those with nothing in want are dialed: what is asked of the
// network is not the test's.
func TestURLsOfServices(t *testing.T) {
	const inClear = "tls=none"
	for url, want := range map[string]string{
		"rediss://default:s3cret@eu1-fit-cat-3.upstash.io:6379":                        "",
		"redis://default:s3cret@eu1-fit-cat-3.upstash.io:6379":                         inClear,
		"redis://default:s3cret@redis-1.c1.eu-1.ec2.redns.redis-cloud.com:14000":       inClear,
		"rediss://:s3cret@ec2-1-2-3-4.compute-1.amazonaws.com:6380":                    "", // Heroku
		"rediss://:s3cret@ec2-1-2-3-4.compute-1.amazonaws.com:6380?skip_verify=true":   "",
		"rediss://:s3cret@ec2-1-2-3-4.compute-1.amazonaws.com?ssl_cert_reqs=none":      "begin with ssl",
		"rediss://master.app.abc123.use1.cache.amazonaws.com:6379":                     "", // ElastiCache
		"rediss://app:s3cret@clustercfg.app.abc.cache.amazonaws.com:6379?cluster=true": "",
		"rediss://default:s3cret@app-do-user-1-0.db.ondigitalocean.com:25061":          "",
		"rediss://:s3cret%3D@app.redis.cache.windows.net:6380":                         "", // Azure
		"redis://red-abc123:6379":                                              "", // Render, within
		"rediss://red-abc123:s3cret@frankfurt-redis.render.com:6379":           "",
		"redis://default:s3cret@fly-app.upstash.io:6379?family=6":              inClear,
		"redis://default:s3cret@redis.railway.internal:6379?family=0&tls=none": "",
		"redis://default:s3cret@one:1?cluster=true&addr=two:2":                 inClear,
		"redis://default:s3cret@one:1?cluster=true&addr=two:2&tls=none":        "",
		"redis://:s3cret@localhost:6379/0":                                     "",
		"redis://:s3cret@127.0.0.2":                                            "",
		"redis://:s3cret@[::1]:6379":                                           "",
		"redis://s3cret@redis":                                                 inClear, // a user, so a login
		"redis://:s3cret@localhost.":                                           inClear, // a name server is asked for it
		"redis://:s3cret@redis.localhost":                                      inClear,
		"redis://:s3cret@redis?tls=true":                                       "rediss://",
		"rediss://:s3cret@redis?tls=none":                                      "tls",
		"redis://:s3cret@redis?ssl=true":                                       "begin with ssl",
	} {
		dialed := errors.New("dialed")
		_, err := redis.Open(t.Context(), url, &redis.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: dialed}
		}})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v", url, err)
			continue
		}
		if want == "" && !errors.Is(err, dialed) || want != "" && (errors.Is(err, dialed) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
	}
}

// The nodes of a cluster name each other, so the URL does not have all of them.
func TestNoPasswordInClearToANodeElsewhere(t *testing.T) {
	server := startServer(t, "--requirepass", "s3cret", "--cluster-enabled", "yes", "--cluster-announce-ip", "192.0.2.1")
	client := goredis.NewClient(&goredis.Options{Addr: server.addr, Password: "s3cret"})
	defer client.Close()
	if err := client.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]bool{"": false, "&addr=192.0.2.1:6379": false, "&tls=none": true} {
		var elsewhere atomic.Bool
		_, err := redis.Open(t.Context(), "redis://:s3cret@"+server.addr+"?cluster=true"+query, &redis.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if strings.HasPrefix(addr, "192.0.2.1:") {
				elsewhere.Store(true)
				return nil, &net.OpError{Op: "dial", Err: errors.New("dialed")}
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}})
		if err == nil || elsewhere.Load() != want || !want && !strings.Contains(err.Error(), "tls=none") {
			t.Errorf("with %q: node elsewhere dialed: %t, %v", query, elsewhere.Load(), err)
		}
	}
}
