package redis_test

import (
	"context"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
)

// panicking is a hook of an application's client, with a fault.
type panicking struct{ goredis.Hook }

func (panicking) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (panicking) ProcessHook(goredis.ProcessHook) goredis.ProcessHook {
	return func(context.Context, goredis.Cmder) error { panic("a fault of a hook") }
}

func (panicking) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

// A panic below a call comes up in the caller, who can recover, as net/http does:
// not in a goroutine where it would end the process.
func TestAPanicOfAHookIsTheCallers(t *testing.T) {
	options, err := goredis.ParseURL(servers.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	options.ContextTimeoutEnabled = true
	client := goredis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	client.AddHook(panicking{})
	store, err := redis.NewUnchecked(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a call with a context that can end
	defer cancel()
	defer func() {
		if got := recover(); got != "a fault of a hook" {
			t.Errorf("recovered %v", got)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, err = store.Users().ByID(ctx, "nobody")
	t.Errorf("the call returned %v", err)
}
