package redis_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

// between is a hook that does something before a script, the first one or a later one,
// which is between two steps of a call.
type between struct {
	goredis.Hook
	left atomic.Int64 // scripts up to that one
	do   func()
}

func (*between) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (b *between) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") && b.left.Add(-1) == 0 {
			b.do()
		}
		return next(ctx, cmd)
	}
}

func (*between) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

// betweenPipelines is a hook that does something before records are first asked for.
type betweenPipelines struct {
	goredis.Hook
	asked atomic.Int64
	do    func()
}

func (*betweenPipelines) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (*betweenPipelines) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (b *betweenPipelines) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		if cmds[0].Name() == "get" && b.asked.Add(1) == 1 {
			b.do()
		}
		return next(ctx, cmds)
	}
}

// What a call saw may be something else when it writes: the user has moved to another
// address, or is gone and another one has the address.
func TestAnAddressThatChangesBetweenTwoSteps(t *testing.T) {
	url := servers.Redis(t)
	moved := newUser("1")
	moved.Email = "elsewhere@example.com"
	again := moved
	again.Email, again.Version = "third@example.com", 2
	heir := newUser("2")
	heir.Email = newUser("1").Email
	for _, c := range []struct {
		name string
		nth  int64 // the script that it comes before
		do   func(kit.UserStore) error
		call func(kit.UserStore) error
		want error
		free []string // addresses that nobody has then
		held []string // and those that somebody has
	}{
		{
			"delete, and the user moves", 1,
			func(u kit.UserStore) error { return u.Update(context.Background(), moved) },
			func(u kit.UserStore) error { return u.Delete(context.Background(), "1") },
			nil, []string{newUser("1").Email, moved.Email}, nil,
		},
		{
			"delete, and the user goes and another one comes", 1,
			func(u kit.UserStore) error {
				return errors.Join(u.Delete(context.Background(), "1"), u.Create(context.Background(), heir))
			},
			func(u kit.UserStore) error { return u.Delete(context.Background(), "1") },
			kit.ErrNotFound, nil, []string{heir.Email},
		},
		{
			"update, and the user moves", 1,
			func(u kit.UserStore) error { return u.Update(context.Background(), moved) },
			func(u kit.UserStore) error { return u.Update(context.Background(), again) },
			nil, []string{newUser("1").Email, moved.Email}, []string{again.Email},
		},
		{
			"update, and the user is made anew with another address", 2,
			func(u kit.UserStore) error {
				anew := newUser("1")
				anew.Email = again.Email
				return errors.Join(u.Delete(context.Background(), "1"), u.Create(context.Background(), anew))
			},
			func(u kit.UserStore) error { return u.Update(context.Background(), moved) },
			nil, []string{newUser("1").Email, again.Email}, []string{moved.Email},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := fresh()
			other := open(t, url, o)
			hook := &between{do: func() {
				if err := c.do(other.Users()); err != nil {
					t.Error(err)
				}
			}}
			client := plain(t, url)
			client.AddHook(hook)
			store, err := redis.New(t.Context(), client, o)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if err := other.Users().Create(t.Context(), newUser("1")); err != nil {
				t.Fatal(err)
			}
			hook.left.Store(c.nth)
			if err := c.call(store.Users()); !errors.Is(err, c.want) {
				t.Errorf("the call returned %v, want %v", err, c.want)
			}
			if hook.left.Load() > 0 {
				t.Fatal("nothing came between")
			}
			for _, email := range c.held {
				if u, err := other.Users().ByEmail(t.Context(), email); err != nil || u.Email != email {
					t.Errorf("%s belongs to %q, %v", email, u.ID, err)
				}
			}
			for _, email := range c.free {
				u := newUser("new-" + email)
				u.Email = email
				if err := other.Users().Create(t.Context(), u); err != nil {
					t.Errorf("%s is not free: %v", email, err)
				}
			}
		})
	}
}

// An entry of the index that is older than its record, as one may come from a damaged
// copy, says nothing about the record: that has a time of its own.
func TestPurgeAsksTheRecord(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	store, client := open(t, url, o), plain(t, url)
	keep(t, store)
	stale := newToken("kept", "kept")
	stale.ExpiresAt = testTime.Add(-time.Hour)
	_, _, key, entry := redis.Keys(store, stale)
	if added, err := client.ZAdd(t.Context(), key, goredis.Z{Member: entry}).Result(); err != nil || added != 1 {
		t.Fatal(added, err)
	}
	if n, err := store.Tokens().DeleteExpired(t.Context(), testTime, 10); n != 0 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	wantKept(t, store)
	if left, err := client.ZCard(t.Context(), key).Result(); err != nil || left != 1 {
		t.Errorf("the index has %d entries, want the one of the record: %v", left, err)
	}
	if n, err := store.Tokens().DeleteExpired(t.Context(), newToken("kept", "kept").ExpiresAt, 10); n != 1 || err != nil {
		t.Errorf("purged %d when it has expired, %v", n, err)
	}
}
