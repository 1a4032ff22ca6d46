package kit

import (
	"context"
	"errors"
	"time"
)

// purgeBatch keeps each delete short, so that other calls wait little for it.
const purgeBatch = 1000

// PurgeExpired deletes the tokens and credentials that expired before the given time, in
// batches of at most 1,000, and returns how many it deleted, also with an error. A time in the
// future counts as now, so a live token is never deleted. An expired token returns [ErrExpiredToken] until it
// is purged, and [ErrInvalidToken] afterwards; a day ago is a good choice. Any number of
// instances may purge at once. It also finishes deletions of accounts that were interrupted before
// then: see [Service.DeleteUser].
func (s *Service) PurgeExpired(ctx context.Context, before time.Time) (int, error) {
	if now := s.now(); before.After(now) {
		before = now
	}
	deleted := 0
	for _, store := range []guardedTokens{s.tokens, s.credentials} {
		for more := true; more; {
			if err := s.enter(ctx); err != nil {
				return deleted, err
			}
			n, err := store.DeleteExpired(ctx, before, purgeBatch)
			deleted += n
			if err != nil {
				return deleted, err
			}
			more = n == purgeBatch
		}
	}
	return deleted, s.finishDeletions(ctx, before)
}

// PurgeEvery calls [Service.PurgeExpired] at once and then at each interval, for what expired
// more than a day ago, until ctx is done or the Service is closed. It is one call of an
// application:
//
//	go svc.PurgeEvery(ctx, time.Hour)
//
// What it purged is logged, and so is an error or a panic of a store; the next interval tries
// again. interval is at least a second. It returns ctx's error, or [ErrClosed].
func (s *Service) PurgeEvery(ctx context.Context, interval time.Duration) error {
	ticker := time.NewTicker(max(interval, time.Second))
	defer ticker.Stop()
	for {
		n, err := s.purgeOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrClosed):
			return err
		case err != nil:
			s.opts.Logger.WarnContext(ctx, "myauth: expired tokens could not be purged", "purged", n, "err", err)
		case n > 0:
			s.opts.Logger.InfoContext(ctx, "myauth: expired tokens purged", "purged", n)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// purgeOnce survives a panic of a store: outside of a request it would end the process.
func (s *Service) purgeOnce(ctx context.Context) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, s.opts.Logger, "a purge of expired tokens", p)
		}
	}()
	return s.PurgeExpired(ctx, s.now().Add(-24*time.Hour))
}
