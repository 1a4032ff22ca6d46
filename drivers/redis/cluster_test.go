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
// answer is wrong, and what was acknowledged is there.
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
				if store, err = redis.New(client, o); err != nil {
					t.Fatal(err)
				}
				defer store.Close()
			}
			stop := make(chan struct{})
			var wg sync.WaitGroup
			var calls, outages atomic.Int64
			for w := range 16 {
				l := &liver{t: t, id: fmt.Sprint(name, "-", w), ctx: t.Context(), calls: &calls, outages: &outages}
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
							l.live(store, i)
						}
					}
				})
			}
			traffic := func() {
				enough := calls.Load() + 100
				eventually(t, "calls go on", func() error {
					if calls.Load() < enough {
						return errors.New("too few calls")
					}
					return nil
				})
			}
			for _, tag := range []string{"users", "tokens:0", "tokens:7"} {
				slot := nodes[0].ClusterKeySlot(t.Context(), "{"+o.Prefix+":"+tag+"}").Val()
				for range len(nodes) {
					moveSlot(t, nodes, int(slot), traffic)
				}
			}
			close(stop)
			wg.Wait()
			t.Logf("%d calls, %d outages", calls.Load(), outages.Load())
			if outages.Load() > calls.Load()/10 {
				t.Error("too many outages: a slot that moves is hardly noticed")
			}
		})
	}
}

// moveSlot moves a slot to the next node, with some traffic at every step.
func moveSlot(t *testing.T, nodes []node, slot int, traffic func()) {
	t.Helper()
	from := -1
	for i, n := range nodes {
		ranges, err := n.ClusterSlots(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range ranges {
			if r.Start <= slot && slot <= r.End && r.Nodes[0].ID == n.id {
				from = i
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

// liver leads the life of one user again and again, and knows what must be there.
type liver struct {
	t              *testing.T
	ctx            context.Context
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
	if !l.ok("create", users.Create(l.ctx, u)) || !l.ok("create token", tokens.Create(l.ctx, token)) {
		return
	}
	for _, email := range []string{u.Email, "new-" + u.Email} {
		got, err := users.ByEmail(l.ctx, u.Email)
		if l.ok("by email", err) && got.Version != u.Version {
			l.t.Errorf("%s has version %d, want %d", u.ID, got.Version, u.Version)
		}
		u.Email = email
		if !l.ok("update", users.Update(l.ctx, u)) {
			return
		}
		u.Version++
	}
	if !l.ok("update token", tokens.Update(l.ctx, token)) {
		return
	}
	list, err := tokens.ByUser(l.ctx, u.ID, "", 10)
	if l.ok("by user", err) && (len(list) != 1 || list[0].Version != 2) {
		l.t.Errorf("tokens of %s: %v", u.ID, list)
	}
	gone, err := tokens.Delete(l.ctx, token.ID)
	if l.ok("delete token", err) && !gone {
		l.t.Errorf("the token of %s was there, and Delete says false", u.ID)
	}
	if l.ok("delete", users.Delete(l.ctx, u.ID)) {
		if _, err := users.ByID(l.ctx, u.ID); !errors.Is(err, kit.ErrNotFound) && !isOutage(err) {
			l.t.Errorf("%s after Delete: %v", u.ID, err)
		}
	}
}
