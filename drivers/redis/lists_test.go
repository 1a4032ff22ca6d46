package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

// lists are the calls that return pages, each with the IDs of t0 to t9 as it names them.
func lists(store *redis.Store) map[string]func(ctx context.Context, limit int) ([]string, error) {
	users := func(list []kit.User, err error) (ids []string, _ error) {
		for _, u := range list {
			ids = append(ids, u.ID)
		}
		return ids, err
	}
	return map[string]func(context.Context, int) ([]string, error){
		"ByUser": func(ctx context.Context, limit int) (ids []string, _ error) {
			list, err := store.Tokens().ByUser(ctx, "u", "", limit)
			for _, token := range list {
				ids = append(ids, token.ID)
			}
			return ids, err
		},
		"List": func(ctx context.Context, limit int) ([]string, error) {
			return users(store.Users().List(ctx, "", limit))
		},
		"ListByEmail": func(ctx context.Context, limit int) ([]string, error) {
			return users(store.Users().ListByEmail(ctx, "T", "", limit))
		},
	}
}

// fill creates n tokens of the user u, and as many users.
func fill(t *testing.T, store *redis.Store, n int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprint("t", i)
		if err := errors.Join(store.Tokens().Create(t.Context(), newToken(id, "u")), store.Users().Create(t.Context(), newUser(id))); err != nil {
			t.Fatal(err)
		}
	}
}

// hooked returns a store over a client with a hook.
func hooked(t *testing.T, url string, o *redis.Options, hook goredis.Hook) *redis.Store {
	t.Helper()
	client := plain(t, url)
	client.AddHook(hook)
	store, err := redis.New(t.Context(), client, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// A record that goes while its page is read is left out, and so is a user who moves to another
// address from the list by addresses. The page is filled with those behind it: fewer than asked
// for would mean that there are no more.
func TestPagesAreFull(t *testing.T) {
	for name := range lists(nil) {
		t.Run(name, func(t *testing.T) {
			url, o := servers.Redis(t), fresh()
			store := open(t, url, o)
			fill(t, store, 10)
			moved := newUser("t4")
			moved.Email = "t8x@example.com" // still one with the prefix
			hook := &betweenPipelines{do: func() {
				for _, id := range []string{"t1", "t2"} {
					if err := errors.Join(store.Tokens().Delete(context.Background(), id, 1), store.Users().Delete(context.Background(), id)); err != nil {
						t.Error(err)
					}
				}
				if err := store.Users().Update(context.Background(), moved); err != nil {
					t.Error(err)
				}
			}}
			got, err := lists(hooked(t, url, o, hook))[name](t.Context(), 5)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"t0", "t3", "t4", "t5", "t6"}
			if name == "ListByEmail" {
				want = []string{"t0", "t3", "t5", "t6", "t7"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// counting is a hook that counts what a client gets: elements of lists, and records.
type counting struct {
	goredis.Hook
	entries, records atomic.Int64
}

func (*counting) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (c *counting) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		c.count(cmd)
		return err
	}
}

func (c *counting) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			c.count(cmd)
		}
		return err
	}
}

func (c *counting) count(cmd goredis.Cmder) {
	switch cmd := cmd.(type) {
	case *goredis.StringSliceCmd:
		c.entries.Add(int64(len(cmd.Val())))
	case *goredis.StringCmd:
		if cmd.Name() == "get" {
			c.records.Add(1)
		}
	}
}

// A page costs what it has, and not what there is.
func TestAPageCostsItself(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	store := open(t, url, o)
	fill(t, store, 200)
	for name := range lists(nil) {
		hook := &counting{}
		got, err := lists(hooked(t, url, o, hook))[name](t.Context(), 3)
		if err != nil || len(got) != 3 {
			t.Fatal(name, got, err)
		}
		most := int64(3)
		if name == "ByUser" {
			most *= 16 // from each partition
		}
		if entries, records := hook.entries.Load(), hook.records.Load(); entries > most || records != 3 {
			t.Errorf("%s reads %d entries and %d records for a page of 3", name, entries, records)
		}
	}
}

// A zero byte, which stands between address and ID in the index, is in no address.
func TestListByEmailWithAZeroByte(t *testing.T) {
	store := open(t, servers.Redis(t), fresh())
	fill(t, store, 3)
	for _, c := range []struct {
		prefix, after string
		want          int
	}{{"t1@example.com\x00", "", 0}, {"t1@example.com\x00t", "", 0}, {"t1", "t1@example.com\x00z", 0}, {"t", "t1@example.com\x00", 1}, {"t", "t1@example.co\x00", 2}} {
		list, err := store.Users().ListByEmail(t.Context(), c.prefix, c.after, 10)
		if err != nil || len(list) != c.want {
			t.Errorf("prefix %q after %q: %d users, %v, want %d", c.prefix, c.after, len(list), err, c.want)
		}
	}
}
