package kit

import (
	"context"
	"time"
)

// purgeBatch keeps each delete short, so that other calls wait little for it.
const purgeBatch = 1000

// PurgeExpired deletes the tokens that expired before the given time, in batches of at most
// 1,000, and returns how many it deleted, also with an error. A time in the future counts as
// now, so a live token is never deleted. An expired token returns [ErrExpiredToken] until it
// is purged, and [ErrInvalidToken] afterwards; a day ago is a good choice. Any number of
// instances may purge at once.
func (s *Service) PurgeExpired(ctx context.Context, before time.Time) (int, error) {
	if now := s.now(); before.After(now) {
		before = now
	}
	deleted := 0
	for {
		if err := s.enter(ctx); err != nil {
			return deleted, err
		}
		n, err := s.tokens.DeleteExpired(ctx, before, purgeBatch)
		deleted += n
		if err != nil || n < purgeBatch {
			return deleted, err
		}
	}
}
