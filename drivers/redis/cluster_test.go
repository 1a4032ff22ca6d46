package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

// node is a master of the cluster.
type node struct {
	*goredis.Client
	id string
}

// The slots of users and of tokens move from node to node and back under load. No
// answer is wrong, and what was acknowledged is there. Calls that touch one key get
// through at any time; others may be refused while their keys are on both sides.
func TestSlotsMoveUnderLoad(t *testing.T) {
	if os.Getenv("MYAUTH_TEST_REDIS_CLUSTER") != "" {
		t.Skip("a cluster that somebody else runs keeps its slots where they are")
	}
	var nodes []node
	for _, addr := range servers.RedisCluster(t) {
		c := plain(t, "redis://"+addr)
		nodes = append(nodes, node{c, c.Do(t.Context(), "CLUSTER", "MYID").Val().(string)})
	}
	o := fresh()
	for name, client := range map[string]goredis.UniversalClient{
		"own client":     nil,
		"default client": goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: servers.RedisCluster(t)}),
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t, cluster(t), o)
			if client != nil {
				defer client.Close()
				var err error
				if store, err = redis.New(t.Context(), client, o); err != nil {
					t.Fatal(err)
				}
				defer store.Close()
			}
			stop := make(chan struct{})
			var wg sync.WaitGroup
			work := func(f func(i int)) {
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
							f(i)
						}
					}
				})
			}
			var calls, outages, steady atomic.Int64
			for w := range 8 {
				l := &liver{t: t, id: fmt.Sprint(name, "-", w), calls: &calls, outages: &outages}
				work(func(i int) { l.live(store, i) })
				u := newUser(fmt.Sprint(name, "-steady-", w))
				token := newToken(u.ID, u.ID)
				for i := 0; !strings.Contains(redis.RecordKey(store, "tokens", token.ID), redis.Tag(o.Prefix, 7)); i++ {
					token.ID = fmt.Sprint(u.ID, "-", i)
				}
				if err := errors.Join(store.Users().Create(t.Context(), u), store.Tokens().Create(t.Context(), token)); err != nil {
					t.Fatal(err)
				}
				work(func(int) {
					if err := stay(store, &u, &token); err != nil {
						t.Errorf("%s: %v", u.ID, err)
					}
					steady.Add(1)
				})
			}
			traffic := func() {
				enough := steady.Load() + 100
				eventually(t, "calls go on", func() error {
					if steady.Load() < enough {
						return errors.New("too few calls")
					}
					return nil
				})
			}
			for _, tag := range []string{o.Prefix + ":users", redis.Tag(o.Prefix, 0), redis.Tag(o.Prefix, 7)} {
				slot := nodes[0].ClusterKeySlot(t.Context(), "{"+tag+"}").Val()
				for range len(nodes) {
					moveSlot(t, nodes, int(slot), traffic)
				}
			}
			close(stop)
			wg.Wait()
			t.Logf("%d calls of which %d were refused, and %d rounds of those that never are", calls.Load(), outages.Load(), steady.Load())
			if calls.Load() == outages.Load() {
				t.Error("nothing got through")
			}
			l := &liver{t: t, id: name + "-afterwards", calls: new(atomic.Int64), outages: new(atomic.Int64)}
			if l.live(store, 0); l.outages.Load() > 0 {
				t.Error("not everything works afterwards")
			}
		})
	}
}

// moveSlot moves a slot to the next node, with some traffic at every step.
func moveSlot(t *testing.T, nodes []node, slot int, traffic func()) {
	t.Helper()
	from := -1
	for i, n := range nodes {
		shards, err := n.ClusterShards(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, shard := range shards {
			for _, r := range shard.Slots {
				if int(r.Start) <= slot && slot <= int(r.End) && shard.Nodes[0].ID == n.id {
					from = i
				}
			}
		}
	}
	if from < 0 {
		t.Fatalf("nobody has slot %d", slot)
	}
	source, target := nodes[from], nodes[(from+1)%len(nodes)]
	do := func(n node, args ...any) {
		t.Helper()
		if err := n.Do(t.Context(), args...).Err(); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
	}
	host, port, _ := strings.Cut(target.Options().Addr, ":")
	do(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
	do(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
	for {
		traffic()
		keys, err := source.ClusterGetKeysInSlot(t.Context(), slot, 10).Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
		for _, key := range keys {
			args = append(args, key)
		}
		do(source, args...)
	}
	do(target, "CLUSTER", "SETSLOT", slot, "NODE", target.id)
	for _, n := range nodes {
		do(n, "CLUSTER", "SETSLOT", slot, "NODE", target.id)
	}
}

// stay looks a user up and updates it, and refreshes a session.
func stay(store *redis.Store, u *kit.User, session *kit.Token) error {
	ctx := context.Background()
	byID, err := store.Users().ByID(ctx, u.ID)
	if err != nil {
		return err
	}
	byEmail, err := store.Users().ByEmail(ctx, u.Email)
	if err != nil {
		return err
	}
	if byID.Version != u.Version || byEmail.Version != u.Version {
		return fmt.Errorf("versions %d and %d, want %d", byID.Version, byEmail.Version, u.Version)
	}
	if err := store.Users().Update(ctx, *u); err != nil {
		return err
	}
	u.Version++
	token, err := store.Tokens().ByID(ctx, session.ID)
	if err != nil {
		return err
	}
	if token.Version != session.Version {
		return fmt.Errorf("the session has version %d, want %d", token.Version, session.Version)
	}
	session.ExpiresAt = session.ExpiresAt.Add(time.Second)
	if err := store.Tokens().Update(ctx, *session); err != nil {
		return err
	}
	session.Version++
	return nil
}

// liver leads the life of one user again and again, and knows what must be there.
type liver struct {
	t              *testing.T
	id             string
	calls, outages *atomic.Int64
}

// ok checks an error that may only be an outage, and reports whether there was none.
func (l *liver) ok(what string, err error) bool {
	l.calls.Add(1)
	if isOutage(err) {
		l.outages.Add(1)
	} else if err != nil {
		l.t.Errorf("%s of %s: %v", what, l.id, err)
	}
	return err == nil
}

func (l *liver) live(store *redis.Store, i int) {
	users, tokens := store.Users(), store.Tokens()
	u := newUser(fmt.Sprint(l.id, "-", i))
	token := newToken(u.ID, u.ID)
	if !l.ok("create", users.Create(context.Background(), u)) || !l.ok("create token", tokens.Create(context.Background(), token)) {
		return
	}
	for _, email := range []string{u.Email, "new-" + u.Email} {
		got, err := users.ByEmail(context.Background(), u.Email)
		if l.ok("by email", err) && got.Version != u.Version {
			l.t.Errorf("%s has version %d, want %d", u.ID, got.Version, u.Version)
		}
		u.Email = email
		if !l.ok("update", users.Update(context.Background(), u)) {
			return
		}
		u.Version++
	}
	if !l.ok("update token", tokens.Update(context.Background(), token)) {
		return
	}
	list, err := tokens.ByUser(context.Background(), u.ID, "", 10)
	if l.ok("by user", err) && (len(list) != 1 || list[0].Version != 2) {
		l.t.Errorf("tokens of %s: %v", u.ID, list)
	}
	l.ok("delete token", tokens.Delete(context.Background(), token.ID, 2))
	if l.ok("delete", users.Delete(context.Background(), u.ID)) {
		if _, err := users.ByID(context.Background(), u.ID); !errors.Is(err, kit.ErrNotFound) && !isOutage(err) {
			l.t.Errorf("%s after Delete: %v", u.ID, err)
		}
	}
}
