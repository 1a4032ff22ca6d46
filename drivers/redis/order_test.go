package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

// Users without their order by ID, as after a loss of that key, get it when a store opens: all of
// them, also when several stores open at once while users come and go, or one ends
// half-way. It is built once, and the log says so.
func TestTheOrderIsBuilt(t *testing.T) {
	for name, server := range map[string]func(t testing.TB) string{"server": func(t testing.TB) string { return servers.Redis(t) }, "cluster": cluster} {
		t.Run(name, func(t *testing.T) {
			url, o := server(t), fresh()
			store, client := open(t, url, o), connect(t, url)
			defer client.Close()
			const users = 3500 // several steps
			create(t, store, 0, users)
			key := "{" + o.Prefix + ":users}:ids"
			lose := func(max string) { // as far as that ID
				t.Helper()
				if err := client.ZRemRangeByLex(t.Context(), key, "-", max).Err(); err != nil {
					t.Fatal(err)
				}
			}

			// Half-way: the third script of the build gets no further.
			lose("+")
			interrupted := beforeScripts(func(n int64) error {
				if n > 2 {
					return fmt.Errorf("%w: cut by the test", kit.ErrUnavailable)
				}
				return nil
			})
			if _, err := reopen(t, url, o, interrupted); !errors.Is(err, kit.ErrUnavailable) {
				t.Fatalf("an interrupted build: %v", err)
			}
			if n := client.ZCard(t.Context(), key).Val(); n == 0 || n == users {
				t.Fatalf("the order has %d users after the interruption", n)
			}

			// Several at once, beside writes.
			var log bytes.Buffer
			logged := redis.Options{Prefix: o.Prefix, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			deleted, built := make(chan error, 1), make(chan error, 16)
			go func() {
				var err error
				for i := 0; i < users; i += 7 {
					err = errors.Join(err, store.Users().Delete(context.Background(), listedID(i)))
				}
				deleted <- err
			}()
			for range cap(built) {
				go func() {
					_, err := reopen(t, url, &redis.Options{Prefix: o.Prefix, Logger: slog.New(slog.DiscardHandler)})
					built <- err
				}()
			}
			for range cap(built) {
				if err := <-built; err != nil {
					t.Error(err)
				}
			}
			if err := <-deleted; err != nil {
				t.Fatal(err)
			}
			want := func() {
				t.Helper()
				ids, err := client.ZRangeByLex(t.Context(), key, &goredis.ZRangeBy{Min: "-", Max: "+"}).Result()
				if err != nil {
					t.Fatal(err)
				}
				var all []string
				for i := range users {
					if i%7 != 0 {
						all = append(all, listedID(i))
					}
				}
				if !slices.Equal(ids, all) {
					t.Errorf("the order has %d users, want %d", len(ids), len(all))
				}
			}
			want()

			// Once: the next store finds nothing to do, and says nothing.
			if _, err := reopen(t, url, &logged); err != nil || log.Len() > 0 {
				t.Errorf("a complete order: %v, %s", err, &log)
			}
			lose("[" + listedID(100))
			if _, err := reopen(t, url, &logged); err != nil || !strings.Contains(log.String(), "is built") || strings.Contains(log.String(), "example.com") {
				t.Errorf("an order that is built: %v, %s", err, &log)
			}
			want()
		})
	}
}

// A user whose new address sorts before what the build has read is in the order all the same.
func TestTheOrderIsBuiltBesideMoves(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	store, client := open(t, url, o), connect(t, url)
	defer client.Close()
	const users = 2500 // three steps
	create(t, store, 0, users)
	key := "{" + o.Prefix + ":users}:ids"
	if err := client.Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	moving := beforeScripts(func(n int64) error {
		if n != 3 { // the first may be asked for twice, of a server that does not know the script
			return nil
		}
		u := newUser(listedID(users - 1))
		u.Email = "a@example.com"
		return store.Users().Update(t.Context(), u)
	})
	if _, err := reopen(t, url, o, moving); err != nil {
		t.Fatal(err)
	}
	if n := client.ZCard(t.Context(), key).Val(); n != users {
		t.Errorf("the order has %d users, of %d", n, users)
	}
}

func listedID(i int) string { return fmt.Sprintf("t%05d", i) }

// create creates users from many goroutines.
func create(t *testing.T, store *redis.Store, from, to int) {
	t.Helper()
	const workers = 16
	errs := make(chan error, workers)
	for w := range workers {
		go func() {
			var err error
			for i := from + w; i < to && err == nil; i += workers {
				err = store.Users().Create(context.Background(), newUser(listedID(i)))
			}
			errs <- err
		}()
	}
	for range workers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}

// reopen opens a store over a client of its own, with hooks.
func reopen(t testing.TB, url string, o *redis.Options, hooks ...goredis.Hook) (*redis.Store, error) {
	client := connect(t, url)
	for _, hook := range hooks {
		client.(interface{ AddHook(goredis.Hook) }).AddHook(hook)
	}
	t.Cleanup(func() { client.Close() })
	return redis.New(context.Background(), client, o)
}

// beforeScripts calls f before each script with two keys, with its number from 1; an error of f is
// that of the script.
func beforeScripts(f func(n int64) error) goredis.Hook { return &scripts{f: f} }

type scripts struct {
	goredis.Hook
	f    func(n int64) error
	seen atomic.Int64
}

func (*scripts) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (*scripts) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func (h *scripts) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if args := cmd.Args(); strings.HasPrefix(cmd.Name(), "eval") && fmt.Sprint(args[2]) == "2" {
			if err := h.f(h.seen.Add(1)); err != nil {
				cmd.SetErr(err)
				return err
			}
		}
		return next(ctx, cmd)
	}
}
