package kit

import (
	"context"
	"errors"
	"time"
)

// purgeBatch keeps each delete short, so that other calls wait little for it.
const purgeBatch = 1000

// PurgeExpired deletes the tokens and credentials that expired before the given time, in batches of at most
// 1,000, and returns how many it deleted, also with an error. A time in the future counts as
// now, so a live token is never deleted. An expired token returns [ErrExpiredToken] until it
// is purged, and [ErrInvalidToken] afterwards; a day ago is a good choice. Any number of
// instances may purge at once.
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
	return deleted, nil
}

// PurgeEvery calls [Service.PurgeExpired] at once and then at each interval, for what expired
// more than a day ago, until ctx is done or the Service is closed. It is one call of an
// application:
//
//	go svc.PurgeEvery(ctx, time.Hour)
//
// An error is logged, and the next interval tries again. It returns ctx's error, or
// [ErrClosed].
func (s *Service) PurgeEvery(ctx context.Context, interval time.Duration) error {
	ticker := time.NewTicker(max(interval, time.Second))
	defer ticker.Stop()
	for {
		_, err := s.PurgeExpired(ctx, s.now().Add(-24*time.Hour))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrClosed):
			return err
		case err != nil:
			s.opts.Logger.WarnContext(ctx, "myauth: expired tokens could not be purged", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
