package throttle

import (
	"context"
	"crypto/rand"
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

// patience is how long Begin, Done and Clear wait for the shared buckets. While those do not
// answer, one attempt in each pause asks them again.
const (
	patience = 500 * time.Millisecond
	pause    = time.Second
)

// sharedBuckets are the buckets that several instances have in common.
type sharedBuckets struct {
	buckets Buckets
	logger  *slog.Logger
	own     *memory // has the seed, and the last known value of each bucket
	owed    debts
	known   atomic.Bool
	away    atomic.Int64 // when they did not answer, in microseconds since 1970; zero: they do
}

var errAway = errors.New("throttle: the shared buckets do not answer")

// change changes the shared bucket of n, within a context that ends earlier than ctx.
func (s *sharedBuckets) change(ctx, within context.Context, now int64, n *name, change func(*bucket, uint64) bool) error {
	if !s.ready(now) {
		return errAway
	}
	err := s.try(within, n, change)
	switch {
	case err == nil:
		if s.away.Load() != 0 && s.away.Swap(0) != 0 {
			s.logger.InfoContext(ctx, "myauth: the shared throttle answers again")
		}
	case ctx.Err() != nil: // the client has gone
	default:
		if s.away.Swap(now) == 0 {
			s.logger.WarnContext(ctx, "myauth: the shared throttle does not answer: this instance counts for itself", "err", err)
		}
	}
	return err
}

// ready reports whether the buckets are to be asked.
func (s *sharedBuckets) ready(now int64) bool {
	since := s.away.Load()
	if since == 0 {
		return true
	}
	passed := now - since
	if 0 <= passed && passed < pause.Microseconds() {
		return false
	}
	return s.away.CompareAndSwap(since, now) // the others go on without them
}

// try changes a bucket. Somebody may have emptied the store, and another instance have made
// another seed since. So when a bucket is empty, or of another seed, try looks at the seed first.
func (s *sharedBuckets) try(ctx context.Context, n *name, change func(*bucket, uint64) bool) error {
	if !s.known.Load() {
		if err := s.readSeed(ctx); err != nil {
			return err
		}
	}
	owed := s.owed.of(n)
	for sure := false; ; sure = true {
		secret := s.own.secret()
		tag := secret.tag()
		number, key := secret.locate(n)
		var doubt bool
		var bad error
		var b bucket
		err := s.buckets.Change(ctx, number, func(old []byte) []byte {
			var theirs uint64
			theirs, bad = b.decode(old)
			if doubt = theirs != tag; bad != nil || doubt && !sure {
				return nil
			}
			if doubt {
				b = bucket{}
			}
			// A guess that another instance has counted since is not forgotten.
			e := b.find(key)
			paid := owed != 0 && e != nil && e.last <= owed && b.clear(n, key, owed)
			if !change(&b, key) && !paid {
				return nil
			}
			return b.encode(tag)
		})
		if err == nil {
			err = bad
		}
		if err != nil {
			return err
		}
		if !doubt || sure {
			s.own.put(secret, number, &b)
			s.owed.settle(n, owed)
			return nil
		}
		if err := s.readSeed(ctx); err != nil {
			return err
		}
	}
}

// readSeed reads the secret that all instances share, in bucket 0. The first instance makes it.
func (s *sharedBuckets) readSeed(ctx context.Context) error {
	var got seed
	var bad error
	err := s.buckets.Change(ctx, 0, func(old []byte) []byte {
		bad = nil
		switch len(old) {
		case len(got):
			copy(got[:], old)
			return nil
		case 0:
			got = s.own.secret()
			if !s.known.Load() {
				rand.Read(got[:])
			}
			return append([]byte(nil), got[:]...)
		default:
			bad = errForm
			return nil
		}
	})
	if err == nil {
		err = bad
	}
	if err == nil {
		s.own.adopt(got)
		s.known.Store(true)
	}
	return err
}
