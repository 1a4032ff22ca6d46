package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"myauth.internal/kit"
)

// flawsOfEveryMethod are flaws that both kinds of store can have.
func flawsOfEveryMethod(k kind) []flaw {
	users := k.name == "users"
	errorsOf := func(f *fake, change func(ctx context.Context, err error) error) {
		if users {
			f.userErrors(change)
		} else {
			f.tokenErrors(change)
		}
	}
	timesIn := func(f *fake, change func(time.Time) time.Time) {
		f.userIn(func(u *kit.User) { u.CreatedAt, u.UpdatedAt = change(u.CreatedAt), change(u.UpdatedAt) })
		f.tokenIn(func(t *kit.Token) {
			t.CreatedAt, t.RotatedAt, t.ExpiresAt, t.RevokedAt = change(t.CreatedAt), change(t.RotatedAt), change(t.ExpiresAt), change(t.RevokedAt)
		})
	}
	timesOut := func(f *fake, change func(time.Time) time.Time) {
		f.userOut(func(u *kit.User) { u.CreatedAt, u.UpdatedAt = change(u.CreatedAt), change(u.UpdatedAt) })
		f.tokenOut(func(t *kit.Token) {
			t.CreatedAt, t.RotatedAt, t.ExpiresAt, t.RevokedAt = change(t.CreatedAt), change(t.RotatedAt), change(t.ExpiresAt), change(t.RevokedAt)
		})
	}
	// detach hands the methods a context that never ends.
	detach := func(f *fake, when func(ctx context.Context) bool) {
		plain := newFake(f.dataset)
		f.opened--
		detachWrite(&f.create, plain.create, when)
		detachRead(&f.byID, plain.byID, when)
		detachWrite(&f.update, plain.update, when)
		detachWrite(&f.remove, plain.remove, when)
		detachWrite(&f.createToken, plain.createToken, when)
		detachRead(&f.tokenByID, plain.tokenByID, when)
		detachWrite(&f.updateToken, plain.updateToken, when)
		detachWrite(&f.removeToken, plain.removeToken, when)
	}
	isDone := func(ctx context.Context) bool { return ctx.Err() != nil }

	flaws := []flaw{
		// Times.
		{name: "keeps times to the second", by: "times/instants", alter: func(f *fake) {
			timesIn(f, func(t time.Time) time.Time { return t.Truncate(time.Second) })
		}},
		{name: "keeps times to the millisecond", by: "times/instants", alter: func(f *fake) {
			timesIn(f, func(t time.Time) time.Time { return t.Truncate(time.Millisecond) })
		}},
		{name: "keeps times in a float64 of seconds", by: "times/instants", alter: func(f *fake) {
			timesIn(f, func(t time.Time) time.Time {
				if t.Year() < 1900 || t.Year() > 2200 {
					return t
				}
				seconds := float64(t.UnixNano()) / 1e9
				return time.Unix(int64(seconds), int64((seconds-float64(int64(seconds)))*1e9)).UTC()
			})
		}},
		{name: "returns times in a zone of its own", by: "times/utc", alter: func(f *fake) {
			timesOut(f, func(t time.Time) time.Time { return t.In(zones[0]) })
		}},
		{name: "returns times in a zone that is called UTC", by: "times/utc", alter: func(f *fake) {
			timesOut(f, func(t time.Time) time.Time { return t.In(time.FixedZone("UTC", 0)) })
		}},
		{name: "drops the zone of a time without converting it", by: "times/instants", alter: func(f *fake) {
			timesIn(f, func(t time.Time) time.Time {
				return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
			})
		}},
		{name: "turns the zero Time into 1970", by: "times/instants", alter: func(f *fake) {
			timesIn(f, func(t time.Time) time.Time {
				if t.IsZero() {
					return time.Unix(0, 0)
				}
				return t
			})
		}},
		{name: "turns 1970 into the zero Time", by: "times/instants", alter: func(f *fake) {
			timesOut(f, func(t time.Time) time.Time {
				if t.Unix() == 0 {
					return time.Time{}
				}
				return t
			})
		}},
		{name: "keeps times as nanoseconds in an int64", by: "times/instants", alter: func(f *fake) {
			timesIn(f, func(t time.Time) time.Time { return time.Unix(0, t.UnixNano()).UTC() })
		}},
		{name: "keeps times as seconds in an int32", by: "times/instants", alter: func(f *fake) {
			timesIn(f, func(t time.Time) time.Time { return time.Unix(int64(int32(t.Unix())), int64(t.Nanosecond())).UTC() })
		}},
		{name: "knows no year after 2999", by: "times/instants", alter: func(f *fake) {
			timesIn(f, func(t time.Time) time.Time {
				if t.Year() > 2999 {
					return t.AddDate(-7000, 0, 0)
				}
				return t
			})
		}},
		{name: "fills in CreatedAt", by: "values/every-field", alter: func(f *fake) {
			f.userIn(func(u *kit.User) {
				if u.CreatedAt.IsZero() {
					u.CreatedAt = now
				}
			})
			f.tokenIn(func(t *kit.Token) {
				if t.CreatedAt.IsZero() {
					t.CreatedAt = now
				}
			})
		}},
		{name: "sets a time of its own at each Update", by: "update/replaces", alter: func(f *fake) {
			update, updateToken := f.update, f.updateToken
			f.update = func(ctx context.Context, u kit.User) error { u.UpdatedAt = now; return update(ctx, u) }
			f.updateToken = func(ctx context.Context, t kit.Token) error { t.RotatedAt = now; return updateToken(ctx, t) }
		}},

		// Contexts.
		{name: "ignores a context that is done", by: "context/done-before", alter: func(f *fake) { detach(f, isDone) }},
		{name: "answers a context that is done with an error of its own", by: "context/done-before", alter: func(f *fake) {
			errorsOf(f, func(ctx context.Context, err error) error {
				if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
					return errors.New("operation was interrupted")
				}
				return err
			})
		}},
		{name: "answers a context that is done with ErrNotFound", by: "context/done-before", alter: func(f *fake) {
			errorsOf(f, func(ctx context.Context, err error) error {
				if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
					return kit.ErrNotFound
				}
				return err
			})
		}},
		{name: "looks only at deadlines", by: "context/done-before", alter: func(f *fake) {
			detach(f, func(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) })
		}},
		{name: "looks at the context only after the write", by: "context/done-changes-nothing", alter: func(f *fake) {
			detach(f, isDone)
			errorsOf(f, func(ctx context.Context, err error) error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return err
			})
		}},
		{name: "waits for its turn whatever becomes of the context", by: "context/done-while-stalled", alter: func(f *fake) {
			var turn sync.Mutex
			f.queue = func() func() { turn.Lock(); return turn.Unlock }
		}},
		{name: "reports a context that ends on the way as ErrNotFound", by: "context/done-during", alter: func(f *fake) {
			errorsOf(f, func(ctx context.Context, err error) error {
				if err == nil && ctx.Err() != nil {
					return kit.ErrNotFound
				}
				return err
			})
		}},
		{name: "reports success when the context ends before the write", by: "context/done-during", alter: func(f *fake) {
			create, createToken := f.create, f.createToken
			f.create = func(ctx context.Context, u kit.User) error {
				if ctx.Err() == nil && ctx.Err() != nil {
					return nil
				}
				return create(ctx, u)
			}
			f.createToken = func(ctx context.Context, t kit.Token) error {
				if ctx.Err() == nil && ctx.Err() != nil {
					return nil
				}
				return createToken(ctx, t)
			}
		}},
		{name: "leaves half an update when the context ends on the way", by: "context/done-during", alter: func(f *fake) {
			update, updateToken := f.update, f.updateToken
			f.update = func(ctx context.Context, u kit.User) error {
				if ctx.Err() == nil && ctx.Err() != nil {
					half, err := f.users.ByID(context.Background(), u.ID)
					if err == nil {
						half.Roles = u.Roles
						_ = f.users.Update(context.Background(), half)
					}
					return ctx.Err()
				}
				return update(ctx, u)
			}
			f.updateToken = func(ctx context.Context, t kit.Token) error {
				if ctx.Err() == nil && ctx.Err() != nil {
					half, err := f.tokens.ByID(context.Background(), t.ID)
					if err == nil {
						half.SecretHash = t.SecretHash
						_ = f.tokens.Update(context.Background(), half)
					}
					return ctx.Err()
				}
				return updateToken(ctx, t)
			}
		}},
		{name: "loses a connection to each context that is done", by: "context/done-before", alter: func(f *fake) {
			left := 8
			errorsOf(f, func(ctx context.Context, err error) error {
				if left <= 0 {
					return fmt.Errorf("no connection is left: %w", kit.ErrUnavailable)
				}
				if ctx.Err() != nil {
					left--
				}
				return err
			})
		}},
		{name: "waits for the data whatever becomes of the context", by: "context/done-while-stalled", alter: func(f *fake) {
			f.stall = func() func() {
				f.busy.Lock()
				return f.busy.Unlock
			}
			errorsOf(f, func(ctx context.Context, err error) error {
				f.busy.Lock()
				defer f.busy.Unlock()
				return err
			})
		}},
		{name: "waits for the data until the context's deadline alone", by: "context/done-while-stalled", alter: func(f *fake) {
			errorsOf(f, func(ctx context.Context, err error) error {
				f.mu.Lock()
				stalled := f.stalled
				f.mu.Unlock()
				if stalled == nil || !errors.Is(ctx.Err(), context.Canceled) {
					return err
				}
				<-stalled // no deadline, so no limit
				return err
			})
		}},
		{name: "answers ErrNotFound when the data hangs", by: "context/done-while-stalled", alter: func(f *fake) {
			errorsOf(f, func(ctx context.Context, err error) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.stalled != nil && err != nil {
					return kit.ErrNotFound
				}
				return err
			})
		}},

		// Closing.
		{name: "answers after Close as before", by: "closed/unavailable", alter: func(f *fake) { f.close = func() error { return nil } }},
		{name: "answers with an error of its own after Close", by: "closed/unavailable", alter: func(f *fake) {
			errorsOf(f, func(_ context.Context, err error) error {
				if f.closed.Load() {
					return errors.New("sql: database is closed")
				}
				return err
			})
		}},
		{name: "answers ErrNotFound after Close", by: "closed/unavailable", alter: func(f *fake) {
			errorsOf(f, func(_ context.Context, err error) error {
				if f.closed.Load() {
					return kit.ErrNotFound
				}
				return err
			})
		}},
		{name: "still reads from a cache after Close", by: "closed/unavailable", alter: func(f *fake) {
			byID, tokenByID := f.byID, f.tokenByID
			f.byID = func(ctx context.Context, id string) (kit.User, error) {
				if f.closed.Load() {
					return f.users.ByID(ctx, id)
				}
				return byID(ctx, id)
			}
			f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
				if f.closed.Load() {
					return f.tokens.ByID(ctx, id)
				}
				return tokenByID(ctx, id)
			}
		}},
		{name: "pings without asking the data", by: "ping/closed", alter: func(f *fake) {
			ping := func(ctx context.Context) error { return ctx.Err() }
			f.ping, f.pingTokens = ping, ping
		}},
		{name: "never answers a ping", by: "ping/answers", alter: func(f *fake) {
			ping := func(context.Context) error { return kit.ErrUnavailable }
			f.ping, f.pingTokens = ping, ping
		}},

		// What becomes of a write.
		{name: "loses everything when it is opened again", by: "durable/reopen", alter: func(f *fake) {
			if f.number == 3 {
				f.reset()
			}
		}},
		{name: "loses updates when it is opened again", by: "durable/reopen", alter: func(f *fake) {
			update, updateToken := f.update, f.updateToken
			f.update = func(ctx context.Context, u kit.User) error {
				old, _ := f.users.ByID(ctx, u.ID)
				err := update(ctx, u)
				if err == nil {
					f.users1[u.ID] = old
				}
				return err
			}
			f.updateToken = func(ctx context.Context, t kit.Token) error {
				old, _ := f.tokens.ByID(ctx, t.ID)
				err := updateToken(ctx, t)
				if err == nil {
					f.tokens1[t.ID] = old
				}
				return err
			}
			if f.number == 5 {
				for _, u := range f.users1 {
					_ = f.users.Delete(context.Background(), u.ID)
					_ = f.users.Create(context.Background(), u)
				}
				for _, t := range f.tokens1 {
					f.drop(t.ID)
					_ = f.tokens.Create(context.Background(), t)
				}
			}
		}},
		{name: "brings deleted records back when it is opened again", by: "durable/reopen", alter: func(f *fake) {
			remove, removeToken := f.remove, f.removeToken
			f.remove = func(ctx context.Context, id string) error {
				f.users1[id], _ = f.users.ByID(ctx, id)
				return remove(ctx, id)
			}
			f.removeToken = func(ctx context.Context, at idAt) error {
				f.tokens1[at.id], _ = f.tokens.ByID(ctx, at.id)
				return removeToken(ctx, at)
			}
			if f.number == 5 {
				for _, u := range f.users1 {
					_ = f.users.Create(context.Background(), u)
				}
				for _, t := range f.tokens1 {
					_ = f.tokens.Create(context.Background(), t)
				}
			}
		}},
		{name: "fails to close", by: "visible/new-handle", alter: func(f *fake) {
			f.close = func() error { return errors.New("close: bad file descriptor") }
		}},
		{name: "caches what a handle has read", by: "visible/other-handle", alter: func(f *fake) {
			byID, tokenByID := f.byID, f.tokenByID
			users, tokens := map[string]kit.User{}, map[string]kit.Token{}
			f.byID = func(ctx context.Context, id string) (kit.User, error) {
				f.mu.Lock()
				defer f.mu.Unlock()
				if u, ok := users[id]; ok {
					return u.Clone(), nil
				}
				f.mu.Unlock()
				u, err := byID(ctx, id)
				f.mu.Lock()
				if err == nil {
					users[id] = u.Clone()
				}
				return u, err
			}
			f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
				f.mu.Lock()
				defer f.mu.Unlock()
				if t, ok := tokens[id]; ok {
					return t.Clone(), nil
				}
				f.mu.Unlock()
				t, err := tokenByID(ctx, id)
				f.mu.Lock()
				if err == nil {
					tokens[id] = t.Clone()
				}
				return t, err
			}
		}},
		{name: "caches what a handle has not found", by: "visible/other-handle", alter: func(f *fake) {
			byID, tokenByID := f.byID, f.tokenByID
			absent := map[string]bool{}
			f.byID = func(ctx context.Context, id string) (kit.User, error) {
				if absent[id] {
					return kit.User{}, kit.ErrNotFound
				}
				u, err := byID(ctx, id)
				absent[id] = isNotFound(err)
				return u, err
			}
			f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
				if absent[id] {
					return kit.Token{}, kit.ErrNotFound
				}
				t, err := tokenByID(ctx, id)
				absent[id] = isNotFound(err)
				return t, err
			}
		}},
		{name: "shows a new handle only the records to come", by: "visible/new-handle", alter: func(f *fake) {
			byID, tokenByID := f.byID, f.tokenByID
			if f.number < 3 {
				return
			}
			f.byID = func(ctx context.Context, id string) (kit.User, error) {
				if u, err := byID(ctx, id); err != nil || u.Version > 0 {
					return u, err
				}
				return kit.User{}, kit.ErrNotFound
			}
			f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
				if t, err := tokenByID(ctx, id); err != nil || t.Version > 0 {
					return t, err
				}
				return kit.Token{}, kit.ErrNotFound
			}
		}},
	}
	for i := range flaws {
		flaws[i].by = k.name + "/" + flaws[i].by
		flaws[i].name += " (" + k.name + ")"
	}
	return flaws
}

// detachWrite lets a write call plain without an end of its context, now and then, and
// detachRead is the same for methods with a value.
func detachWrite[R any](write *func(context.Context, R) error, plain func(context.Context, R) error, when func(context.Context) bool) {
	next := *write
	*write = func(ctx context.Context, r R) error {
		if when(ctx) {
			return plain(context.WithoutCancel(ctx), r)
		}
		return next(ctx, r)
	}
}

func detachRead[R any](read *func(context.Context, string) (R, error), plain func(context.Context, string) (R, error), when func(context.Context) bool) {
	next := *read
	*read = func(ctx context.Context, key string) (R, error) {
		if when(ctx) {
			return plain(context.WithoutCancel(ctx), key)
		}
		return next(ctx, key)
	}
}
