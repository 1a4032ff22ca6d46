package servers_test

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"myauth.internal/conformance/servers"
)

// dial wants somebody to listen.
func dial(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func host(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestEachIsStartedOnce(t *testing.T) {
	for name, start := range map[string]func(testing.TB) string{
		"postgres": servers.Postgres,
		"redis":    servers.Redis,
		"mongo":    servers.Mongo,
		"cluster":  func(tb testing.TB) string { return "redis://" + strings.Join(servers.RedisCluster(tb), ",") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := start(t)
			for _, address := range strings.Split(host(t, first), ",") {
				dial(t, address)
			}
			if second := start(t); second != first {
				t.Error("a second call names another server than the first")
			}
		})
	}
}
