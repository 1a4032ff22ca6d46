package redis

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// together sends the commands of many callers in one exchange with a server, since both sides spend more
// of their time on the network than on the commands. A caller that finds no exchange under way sends at
// once. The others wait for its end, and then one pipeline has what all of them want. Each gets the answer
// to its own command.
type together struct {
	client *redis.Client
	calls  *sync.WaitGroup // of the store: an exchange may outlive those who wait for it

	mu      sync.Mutex
	busy    bool      // an exchange is under way
	waiting []*waiter // in the order in which they came
}

// waiter is the command of one caller.
type waiter struct {
	ctx  context.Context
	cmd  redis.Cmder
	done chan struct{} // closed when there is the answer
}

const (
	mostTogether = 64
	// patience is how long a caller waits for an exchange of others, which may have to do with a connection
	// that is broken. It sends by itself then.
	patience = 10 * time.Millisecond
)

// process runs a command, as [redis.Client.Process] does. If ctx ends before the answer comes it returns the
// error of ctx, and the command is not the caller's any more: it may still be run, as whenever an answer is lost.
func (q *together) process(ctx context.Context, cmd redis.Cmder) error {
	q.mu.Lock()
	if !q.busy {
		q.busy = true
		q.mu.Unlock()
		defer q.next()
		return q.client.Process(ctx, cmd)
	}
	w := &waiter{ctx, cmd, make(chan struct{})}
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-w.done:
			var answer redis.Error
			if err := cmd.Err(); err == nil || errors.As(err, &answer) || cmd.NoRetry() {
				return err
			}
			return q.client.Process(ctx, cmd) // a read, which go-redis repeats unless a write is beside it
		case <-late.C:
			if q.leave(w) {
				return q.client.Process(ctx, cmd)
			}
		case <-ctx.Done():
			q.leave(w)
			return ctx.Err()
		}
	}
}

// leave takes a command away unless it has been sent.
func (q *together) leave(w *waiter) (left bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, w)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

// next ends an exchange, and begins one with what waits.
func (q *together) next() {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), mostTogether)
	q.busy = n > 0
	if n > 0 {
		batch := slices.Clone(q.waiting[:n])
		q.waiting = slices.Delete(q.waiting, 0, n)
		q.calls.Go(func() { q.send(batch) })
	}
}

// send runs the commands of others, until the last of their deadlines, or the client's.
func (q *together) send(batch []*waiter) {
	defer q.next()
	pipe, ctx := q.client.Pipeline(), context.Background()
	var last time.Time
	for _, w := range batch {
		deadline, _ := w.ctx.Deadline() // within seconds: see call
		if deadline.After(last) {
			last = deadline
		}
		_ = pipe.Process(ctx, w.cmd) // which only notes it
	}
	if !last.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, last)
		defer cancel()
	}
	_, _ = pipe.Exec(ctx) // each command has its error
	for _, w := range batch {
		close(w.done)
	}
}

// read returns what a key holds, or [redis.Nil].
func (s *Store) read(ctx context.Context, key string) (string, error) {
	cmd := redis.NewStringCmd(ctx, "get", key)
	if err := s.process(ctx, cmd); err != nil {
		return "", err
	}
	return cmd.Val(), nil
}
