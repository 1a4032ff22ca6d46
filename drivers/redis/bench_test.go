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
	storebench.Run(b, func(b *testing.B) storebench.Subject {
		store := open(b, url, fresh())
		return storebench.Subject{Stores: conformance.Stores{Users: store.Users(), Tokens: store.Tokens()}, Bare: redis.Bare(store)}
	})
}
