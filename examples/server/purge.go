package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"myauth.internal/kit"
)

func purgeCommand() command {
	return command{name: "purge", records: true, setup: setupPurge,
		short: "deletes tokens and credentials that expired more than a day ago",
		long:  "A server does the same each hour. It also finishes deletions of accounts that were interrupted. With --json it\nprints {\"deleted\":N}."}
}

func setupPurge(*flag.FlagSet) action {
	return func(ctx context.Context, sh *shell, _ []string) error {
		return sh.over(ctx, func(ctx context.Context, svc *kit.Service, stores kit.Stores) error {
			deleted, err := sh.purge(ctx, svc, stores, time.Now().Add(-24*time.Hour))
			if errors.Is(err, context.Canceled) {
				return fmt.Errorf("stopped, and %d expired records are deleted", deleted)
			} else if err != nil {
				return fmt.Errorf("%d expired records are deleted, then: %w", deleted, err)
			}
			return sh.record(map[string]int{"deleted": deleted}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d expired records are deleted\n", deleted)
				return err
			})
		})
	}
}

// purge deletes by small batches, for its progress and so that others wait little for the stores. What
// else a purge does is the Service's.
func (sh *shell) purge(ctx context.Context, svc *kit.Service, stores kit.Stores, before time.Time) (deleted int, err error) {
	const batch = 1000
	line := sh.progress()
	defer line.end()
	for _, store := range []kit.TokenStore{stores.Tokens, stores.Credentials} {
		for n := batch; n == batch; {
			if n, err = store.DeleteExpired(ctx, before, batch); err != nil {
				return deleted, err
			}
			deleted += n
			line.say(time.Now(), "%d expired records are deleted", deleted)
		}
	}
	n, err := svc.PurgeExpired(ctx, before)
	return deleted + n, err
}
