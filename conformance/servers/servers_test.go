package servers_test

import (
	"net"
	"slices"
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

// defaultPorts are those that a URL need not name.
var defaultPorts = map[string]string{"postgres": "5432", "postgresql": "5432", "redis": "6379", "rediss": "6379", "mongodb": "27017"}

// hosts returns the addresses in a URL, which may name several.
func hosts(url string) []string {
	scheme, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	var addresses []string
	for address := range strings.SplitSeq(rest[strings.LastIndex(rest, "@")+1:], ",") {
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(strings.Trim(address, "[]"), defaultPorts[scheme])
		}
		addresses = append(addresses, address)
	}
	return addresses
}

func TestHosts(t *testing.T) {
	for url, want := range map[string][]string{
		"postgres://user:password@host/database?sslmode=disable":      {"host:5432"},
		"postgresql://user@host:5433":                                 {"host:5433"},
		"redis://host":                                                {"host:6379"},
		"rediss://:password@[::1]/0":                                  {"[::1]:6379"},
		"mongodb://[::1]:1,two,three:3/database?replicaSet=rs0&a=b@c": {"[::1]:1", "two:27017", "three:3"},
		"redis://127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002":        {"127.0.0.1:7000", "127.0.0.1:7001", "127.0.0.1:7002"},
	} {
		if got := hosts(url); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
}

func TestEachIsStartedOnce(t *testing.T) {
	for name, start := range map[string]func(testing.TB) string{
		"postgres":         servers.Postgres,
		"session pool":     func(tb testing.TB) string { return servers.PgBouncer(tb, "session") },
		"transaction pool": func(tb testing.TB) string { return servers.PgBouncer(tb, "transaction") },
		"redis":            servers.Redis,
		"mongo":            servers.Mongo,
		"cluster":          func(tb testing.TB) string { return "redis://" + strings.Join(servers.RedisCluster(tb), ",") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := start(t)
			for _, address := range hosts(first) {
				dial(t, address)
			}
			if second := start(t); second != first {
				t.Error("a second call names another server than the first")
			}
		})
	}
}
