package throttle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// Buckets is where several instances count together: [NumBuckets] small values that are
// changed atomically. Package shared has one over any kit.TokenStore, drivers/redis has its own.
// The function RunBuckets of package conformance tests one.
type Buckets interface {
	// Change reads the value of bucket n, 0 to [NumBuckets]-1, which is empty at first, calls
	// change with it, and stores what that returns, at most 1 KiB, unless another call stored
	// something since the read: then it begins anew. nil means that there is nothing to store,
	// and change keeps no reference to old. A value stays until it is replaced.
	//
	// Change is safe for concurrent use, also through several handles. It returns an error, soon
	// after ctx is done or when the values cannot be reached, and never calls change with
	// an empty value for such a reason. The caller then does not know whether something was
	// stored.
	Change(ctx context.Context, n int, change func(old []byte) []byte) error
}

// patience is how long a change of a shared bucket may take. While they do not answer, one
// attempt in each pause asks them again. Somebody may empty the store, and another instance make
// another seed then, so each looks at it after seedAge. Warnings are logEvery apart.
const (
	patience = 500 * time.Millisecond
	pause    = time.Second
	seedAge  = time.Minute
	logEvery = 10 * time.Second
)

// sharedBuckets are the buckets that several instances have in common.
type sharedBuckets struct {
	buckets Buckets
	logger  *slog.Logger
	lines   []line  // of each bucket
	own     *memory // has the seed, and the last known value of each bucket

	// In microseconds since 1970: when the seed was read; when the buckets last did not answer,
	// zero: they do; and when the log was told so.
	seedRead, away, warned atomic.Int64
	logged                 atomic.Bool // this outage is in the log
}

var errAway = errors.New("throttle: the shared buckets do not answer")

// change changes the shared bucket of n. After an error the caller counts in memory.
func (s *sharedBuckets) change(ctx context.Context, now int64, n *name, change func(*bucket, uint64) bool) error {
	since, ok := s.ready(now)
	if !ok {
		return errAway
	}
	secret, err := s.secret(ctx, now, since)
	if err != nil {
		return err
	}
	number, key := secret.locate(n)
	return s.lines[number].visit(key, change, func(all []*visit) error {
		var b bucket
		err := s.ask(ctx, now, since, number, func(old []byte) ([]byte, error) {
			if err := b.decode(old); err != nil {
				return nil, err
			}
			changed := false
			for _, v := range all {
				changed = v.change(&b, v.key) || changed
			}
			if !changed {
				return nil, nil
			}
			return b.encode(), nil
		})
		if err == nil {
			s.own.put(secret, number, &b)
		}
		return err
	})
}

// ready reports whether the buckets are to be asked, and since when they do not answer.
func (s *sharedBuckets) ready(now int64) (since int64, ok bool) {
	since = s.away.Load()
	if since == 0 {
		return 0, true
	}
	if passed := now - since; 0 <= passed && passed < pause.Microseconds() {
		return since, false
	}
	return now, s.away.CompareAndSwap(since, now) // the others go on without them
}

// ask makes one call, unless another has found meanwhile that they do not answer. It goes on
// when the client leaves: others may wait for it.
func (s *sharedBuckets) ask(ctx context.Context, now, since int64, number int, change func(old []byte) ([]byte, error)) error {
	if away := s.away.Load(); away != 0 && away != since {
		return errAway
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var bad error
	err := s.buckets.Change(within, number, func(old []byte) (value []byte) {
		value, bad = change(old)
		return value
	})
	if err == nil {
		err = bad
	}
	switch {
	case err != nil:
		s.away.Store(now)
		last := s.warned.Load()
		if passed := now - last; !s.logged.Load() && max(passed, -passed) >= logEvery.Microseconds() && s.warned.CompareAndSwap(last, now) {
			s.logged.Store(true)
			s.logger.WarnContext(ctx, "myauth: the shared throttle does not answer: this instance counts for itself", "err", err)
		}
	case s.away.Load() != 0 && s.away.Swap(0) != 0 && s.logged.Swap(false):
		s.logger.InfoContext(ctx, "myauth: the shared throttle answers again")
	}
	return err
}

// secret returns the seed that all instances share, which is in bucket 0. The first stores its
// own there.
func (s *sharedBuckets) secret(ctx context.Context, now, since int64) (seed, error) {
	if s.seedIsFresh(now) {
		return s.own.secret(), nil
	}
	err := s.lines[0].visit(0, nil, func([]*visit) error {
		if s.seedIsFresh(now) {
			return nil
		}
		own := s.own.secret()
		var got seed
		err := s.ask(ctx, now, since, 0, func(old []byte) ([]byte, error) {
			switch len(old) {
			case 0:
				got = own
				return bytes.Clone(own[:]), nil
			case len(got):
				got = seed(old)
				return nil, nil
			default:
				return nil, errForm
			}
		})
		if err == nil {
			s.own.adopt(got)
			s.seedRead.Store(now)
		}
		return err
	})
	return s.own.secret(), err
}

func (s *sharedBuckets) seedIsFresh(now int64) bool {
	age := now - s.seedRead.Load()
	return 0 <= age && age < seedAge.Microseconds()
}
