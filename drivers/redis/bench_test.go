package redis_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/conformance/servers"
	"myauth.internal/conformance/storebench"
	"myauth.internal/drivers/redis"
)

func BenchmarkRedis(b *testing.B) { bench(b, servers.Redis(b)) }

func BenchmarkRedisCluster(b *testing.B) { bench(b, cluster(b)) }

func bench(b *testing.B, url string) {
	store := open(b, url, fresh())
	storebench.Run(b, conformance.Stores{Users: store.Users(), Tokens: store.Tokens()}, redis.Bare(store))
}
