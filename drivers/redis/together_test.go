package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// exchanges is a hook that answers in place of a server.
type exchanges struct {
	redis.Hook
	first  chan struct{} // closed when the first command may be answered
	broken bool          // pipelines are
	mu     sync.Mutex
	sent   []string // the names of the commands of each exchange
}

func (e *exchanges) note(cmds ...redis.Cmder) (first bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := ""
	for _, cmd := range cmds {
		names += " " + fmt.Sprint(cmd.Args()...)
	}
	e.sent = append(e.sent, names)
	return len(e.sent) == 1
}

func (e *exchanges) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		if e.note(cmd) {
			<-e.first
		}
		answer(cmd)
		return nil
	}
}

func (e *exchanges) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		e.note(cmds...)
		for _, cmd := range cmds {
			if answer(cmd); e.broken {
				cmd.SetErr(io.EOF)
			}
		}
		return nil
	}
}

func (*exchanges) DialHook(next redis.DialHook) redis.DialHook { return next }

// answer answers with the key.
func answer(cmd redis.Cmder) {
	if get, ok := cmd.(*redis.StringCmd); ok {
		get.SetVal(get.Args()[1].(string))
		get.SetErr(nil)
	}
}

// held runs a test while the first command has no answer.
func held(t *testing.T, test func(q *together, e *exchanges)) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // outside of the bubble, as what it starts lives on
	defer client.Close()
	synctest.Test(t, func(t *testing.T) {
		e := &exchanges{first: make(chan struct{})}
		client.AddHook(e)
		var calls sync.WaitGroup
		q := &together{client: client, calls: &calls}
		calls.Go(func() { _ = q.process(context.Background(), redis.NewStringCmd(context.Background(), "get", "first")) })
		synctest.Wait()
		test(q, e)
		synctest.Wait()
		calls.Wait()
		if q.busy || len(q.waiting) > 0 {
			t.Errorf("busy %v with %d waiting at the end", q.busy, len(q.waiting))
		}
	})
}

// What waits for an answer is sent as one pipeline, and each caller gets the answer to its command.
func TestCallersAreSentTogether(t *testing.T) {
	held(t, func(q *together, e *exchanges) {
		gone, leave := context.WithCancel(context.Background())
		for i := range 100 {
			ctx := context.Background()
			if i == 50 {
				ctx = gone
			}
			q.calls.Go(func() {
				key := fmt.Sprint(i)
				cmd := redis.NewStringCmd(ctx, "get", key)
				err := q.process(ctx, cmd)
				if i == 50 && !errors.Is(err, context.Canceled) || i != 50 && (err != nil || cmd.Val() != key) {
					t.Errorf("%d: %q, %v", i, cmd.Val(), err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(e.first)
		synctest.Wait()
		if len(e.sent) != 3 { // 1, 64 and 35
			t.Errorf("%d exchanges: %q", len(e.sent), e.sent)
		}
	})
}

// A connection that hangs holds nobody up for long.
func TestCallersDoNotWaitForAHangingExchange(t *testing.T) {
	held(t, func(q *together, e *exchanges) {
		for i := range 16 {
			cmd := redis.NewStringCmd(context.Background(), "get", fmt.Sprint(i))
			q.calls.Go(func() {
				if err := q.process(context.Background(), cmd); err != nil {
					t.Error(err)
				}
			})
		}
		defer close(e.first)
		<-time.After(20 * time.Millisecond) // of the bubble's clock
		synctest.Wait()
		if len(e.sent) != 17 {
			t.Errorf("%d exchanges while one hangs, want 17", len(e.sent))
		}
	})
}

// Of an exchange that breaks reads are repeated, and writes are not.
func TestABrokenExchange(t *testing.T) {
	held(t, func(q *together, e *exchanges) {
		e.broken = true
		ctx := context.Background()
		read, write := redis.NewStringCmd(ctx, "get", "key"), &once{Cmd: redis.NewCmd(ctx, "evalsha")}
		q.calls.Go(func() {
			if err := q.process(ctx, read); err != nil || read.Val() != "key" {
				t.Errorf("a read: %q, %v", read.Val(), err)
			}
		})
		q.calls.Go(func() {
			if err := q.process(ctx, write); !errors.Is(err, io.EOF) {
				t.Errorf("a write: %v", err)
			}
		})
		synctest.Wait()
		close(e.first)
		synctest.Wait()
		if len(e.sent) != 3 || e.sent[2] != " getkey" {
			t.Errorf("%q", e.sent)
		}
	})
}
