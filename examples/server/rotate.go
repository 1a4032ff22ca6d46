package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"myauth.internal/kit/accesstoken"
)

// publishFor is how long a new signing key is in the key set before it signs: until no copy of
// the set is without it, and a minute for requests under way and for other instances, which
// should be told of the key by then. Only the tests set it.
var publishFor = accesstoken.KeySetMaxAge + time.Minute

// startRotating reads the file of the signing key after each signal of hangup, and leads keys
// from one key to the next, until ctx is done or stop is called. lifetime is that of the
// longest-lived token.
func startRotating(ctx context.Context, hangup <-chan os.Signal, s *settings, keys *accesstoken.Keyring, lifetime time.Duration, logger *slog.Logger) (stop func(), err error) {
	rotation, err := accesstoken.NewRotation(keys, publishFor, lifetime)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		rotate(ctx, hangup, s, keys, rotation, logger)
	}()
	return func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(closeWithin / 10): // it hangs in reading the file
		}
	}, nil
}

func rotate(ctx context.Context, hangup <-chan os.Signal, s *settings, keys *accesstoken.Keyring, rotation *accesstoken.Rotation, logger *slog.Logger) {
	var due <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			reload(s, keys, rotation, logger)
		case <-due:
		}
		changed, again, err := rotation.Advance(time.Now())
		if err != nil {
			logger.Error("the signing key was not replaced", "err", err)
		}
		if changed {
			logKeys(logger, "the keys of tokens have changed", keys)
		}
		due = nil
		if !again.IsZero() {
			due = time.After(time.Until(again))
		}
	}
}

// reload begins to lead keys to the key that the file has now. A file that cannot be used
// changes nothing.
func reload(s *settings, keys *accesstoken.Keyring, rotation *accesstoken.Rotation, logger *slog.Logger) {
	if !s.keyInFile() {
		logger.Info("SIGHUP: the signing key is in no file, so there is nothing to read anew")
		return
	}
	key, err := s.rereadKey()
	var changed bool
	now := time.Now()
	if err == nil {
		changed, err = rotation.Rotate(key, now)
	}
	switch {
	case err != nil:
		logger.Error("SIGHUP: the keys stay as they are", "err", err)
	case !changed:
		logKeys(logger, "SIGHUP: the file has the same key as before", keys)
	case key.ID() == keys.IDs()[0]:
		logKeys(logger, "SIGHUP: the file has the key again that signs", keys)
	default:
		logKeys(logger, "SIGHUP: the file has another key", keys, "next", key.ID(), "signs_from", now.Add(publishFor))
	}
}

// logKeys logs the ids of the key that signs and of those that only verify.
func logKeys(logger *slog.Logger, message string, keys *accesstoken.Keyring, more ...any) {
	ids := keys.IDs()
	logger.Info(message, append([]any{"signing", ids[0], "verifying", ids[1:]}, more...)...)
}

// fromTerminal reports whether the program was started from a terminal. SIGHUP says that the
// terminal was closed, then, and without a file to read anew it ends the program as it ends
// others.
func fromTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false // also on Windows, where the signal never comes
	}
	_ = tty.Close() // nothing was written
	return true
}
