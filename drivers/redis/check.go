package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

// checkTimeout bounds what a store asks the server when it opens.
const checkTimeout = 10 * time.Second

// checkClient refuses a client with which a store could not keep its promises.
func checkClient(client redis.UniversalClient) error {
	var read, write time.Duration
	switch c := client.(type) {
	case *redis.Client:
		if c == nil {
			return errNoClient
		}
		o := c.Options()
		if o.ClientSideCache != nil || o.ClientSideCacheConfig != nil {
			return errors.New("redis: the client caches what it reads, so ended sessions would live on: give MyAuth one without ClientSideCache")
		}
		read, write = o.ReadTimeout, o.WriteTimeout
	case *redis.ClusterClient:
		if c == nil {
			return errNoClient
		}
		o := c.Options()
		if o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return errors.New("redis: the client reads from replicas, which lag behind: give MyAuth one without ReadOnly, RouteByLatency and RouteRandomly")
		}
		read, write = o.ReadTimeout, o.WriteTimeout
	case nil:
		return errNoClient
	default:
		return fmt.Errorf("redis: New takes a *redis.Client or a *redis.ClusterClient, and not a %T: a Ring loses sight of keys when a server fails, and the others are unknown", client)
	}
	if read <= 0 || write <= 0 {
		return errors.New("redis: the client waits for ever: give MyAuth one whose ReadTimeout and WriteTimeout are not negative")
	}
	return nil
}

var errNoClient = errors.New("redis: New needs a client")

// prepare does what a store does when it opens.
func (s *Store) prepare(ctx context.Context, log *slog.Logger) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	return s.buildOrder(ctx, log)
}

// check asks the server, or every master of the cluster, whether it suits.
func (s *Store) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return do(ctx, s, "check the server", func(ctx context.Context) error {
		var err error
		switch c := s.client.(type) {
		case *redis.Client:
			err = checkServer(ctx, c, false)
		case *redis.ClusterClient:
			err = c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return checkServer(ctx, node, true) })
		}
		if err != nil {
			return err
		}
		// A script that the server knows already would not need EVAL.
		if err := outcome(everyCommand.Eval(ctx, onceClient{s.client}, []string{s.keys.users.unused()})); err != nil {
			return err
		}
		// The partitions of the tokens are on every server of most clusters. Of those of the
		// credentials one shows whether the ACL allows their names.
		for _, k := range append(s.keys.tokens[:], s.keys.credentials[0], s.keys.users) {
			if err := outcome(s.write(ctx, everyCommand, []string{k.unused()})); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkServer looks at what a server says of itself. What it does not say, it is trusted
// with: managed servers hide their settings.
func checkServer(ctx context.Context, c *redis.Client, cluster bool) error {
	info, err := c.Info(ctx).Result()
	switch {
	case redis.HasErrorPrefix(err, "NOPERM"), redis.HasErrorPrefix(err, "ERR unknown command"):
		return nil
	case err != nil:
		return err
	}
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	switch {
	case fields["cluster_enabled"] == "1" && !cluster:
		err = errors.New("it " + inCluster)
	case fields["cluster_enabled"] == "0" && cluster:
		err = errors.New("it " + notInCluster)
	case fields["role"] == "slave":
		err = errors.New("it " + isReplica)
	case strings.HasPrefix(fields["maxmemory_policy"], "allkeys"):
		err = errors.New("its maxmemory-policy is " + fields["maxmemory_policy"] + ", so it throws keys away when its memory is full, " +
			"and with them sessions and accounts: set it to noeviction")
	default:
		return nil
	}
	// All of it can be put right while the application waits.
	return fmt.Errorf("%w: the server does not suit: %w", kit.ErrUnavailable, err)
}
