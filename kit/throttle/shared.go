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
type Buckets interface {
	// Change reads the value of bucket n, 0 to [NumBuckets]-1, which is empty at first, calls
	// change with it, and stores what that returns, at most 1 KiB, unless another call stored
	// something since the read: then it begins anew. nil means that there is nothing to store. A
	// value stays until it is replaced.
	Change(ctx context.Context, n int, change func(old []byte) []byte) error
}

// patience is how long an attempt waits for the shared buckets. While they do not answer, they
// are asked again once in a pause.
const (
	patience = 500 * time.Millisecond
	pause    = time.Second
)

// sharedBuckets are the buckets that several instances have in common.
type sharedBuckets struct {
	buckets Buckets
	logger  *slog.Logger
	seed    atomic.Pointer[seed]
	away    atomic.Int64 // when they did not answer, in microseconds since 1970; zero: they do
}

var errAway = errors.New("throttle: the shared buckets do not answer")

func (s *sharedBuckets) change(ctx context.Context, now time.Time, n name, change func(*bucket, uint64) bool) error {
	if since := s.away.Load(); since != 0 && now.UnixMicro()-since < pause.Microseconds() {
		return errAway
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.try(within, n, change)
	switch {
	case err == nil:
		if s.away.Swap(0) != 0 {
			s.logger.InfoContext(ctx, "myauth: the shared throttle answers again")
		}
	case ctx.Err() != nil: // the client has gone
	default:
		if s.away.Swap(now.UnixMicro()) == 0 {
			s.logger.WarnContext(ctx, "myauth: the shared throttle does not answer: this instance counts for itself", "err", err)
		}
	}
	return err
}

func (s *sharedBuckets) try(ctx context.Context, n name, change func(*bucket, uint64) bool) error {
	secret := s.seed.Load()
	if secret == nil {
		var err error
		if secret, err = s.readSeed(ctx); err != nil {
			return err
		}
		s.seed.Store(secret)
	}
	number, key := secret.locate(n)
	var bad error
	err := s.buckets.Change(ctx, number, func(old []byte) []byte {
		var b bucket
		if bad = b.decode(old); bad != nil || !change(&b, key) {
			return nil
		}
		return b.encode()
	})
	return errors.Join(err, bad)
}

// readSeed reads the secret that all instances share, in bucket 0. The first instance makes it.
func (s *sharedBuckets) readSeed(ctx context.Context) (*seed, error) {
	var got seed
	err := s.buckets.Change(ctx, 0, func(old []byte) []byte {
		if len(old) == len(got) {
			copy(got[:], old)
			return nil
		}
		rand.Read(got[:])
		return append([]byte(nil), got[:]...)
	})
	if err != nil {
		return nil, err
	}
	return &got, nil
}
