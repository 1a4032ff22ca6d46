package redis

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// once is a command that the client must not repeat by itself: see the package
// comment. NoRetry is how go-redis asks, before it repeats what may have been
// done; it follows redirections, where nothing was done, without asking.
type once struct{ *redis.Cmd }

// NoRetry implements [redis.Cmder].
func (once) NoRetry() bool { return true }

// write runs a script that changes something, once.
func (s *Store) write(ctx context.Context, sc *script, keys []string, args ...any) (any, error) {
	for wait := firstWait; ; wait *= 2 {
		answer, err := s.writeOnce(ctx, sc, keys, args)
		// While a cluster moves a slot, a script whose keys are not all on one
		// side yet is refused unseen.
		if err == nil || wait > lastWait || !redis.IsTryAgainError(err) {
			return answer, err
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// A script that met a slot on its way is tried again for half a second.
const (
	firstWait = 2 * time.Millisecond
	lastWait  = 256 * time.Millisecond
)

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) writeOnce(ctx context.Context, sc *script, keys []string, args []any) (any, error) {
	cmd := evalSHA(ctx, sc, keys, args)
	err := s.client.Process(ctx, once{cmd})
	if redis.HasErrorPrefix(err, "NOSCRIPT") && ctx.Err() == nil { // it did nothing
		cmd = eval(ctx, sc, keys, args)
		err = s.client.Process(ctx, once{cmd})
	}
	return cmd.Val(), err
}

func evalSHA(ctx context.Context, sc *script, keys []string, args []any) *redis.Cmd {
	return scriptCommand(ctx, "evalsha", sc.sha, keys, args)
}

// eval sends the text, which the server then knows.
func eval(ctx context.Context, sc *script, keys []string, args []any) *redis.Cmd {
	return scriptCommand(ctx, "eval", sc.text, keys, args)
}

func scriptCommand(ctx context.Context, name, script string, keys []string, args []any) *redis.Cmd {
	words := make([]any, 3, 3+len(keys)+len(args))
	words[0], words[1], words[2] = name, script, len(keys)
	for _, key := range keys {
		words = append(words, key)
	}
	cmd := redis.NewCmd(ctx, append(words, args...)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}
