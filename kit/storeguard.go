package kit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit/internal/outage"
)

// storeGuard stands between the Service and one of the caller's stores: each call gets
// its own deadline, each error is one of the store contract's or marked as the bug that
// it is, and an outage is counted and logged. So no use case has to think of any of it.
type storeGuard struct {
	timeout time.Duration
	outage  *outage.Watch
}

type guardedUsers struct {
	*storeGuard
	store UserStore
}

type guardedTokens struct {
	*storeGuard
	store TokenStore
}

func newStoreGuard(store string, o *Options) *storeGuard {
	return &storeGuard{timeout: o.StoreTimeout, outage: outage.New(store, o.Logger, o.Now)}
}

// call makes one call of the store.
func (g *storeGuard) call(ctx context.Context, op string, f func(context.Context) error) error {
	return g.callWithin(ctx, g.timeout, op, f)
}

func (g *storeGuard) callWithin(ctx context.Context, timeout time.Duration, op string, f func(context.Context) error) error {
	failures := g.outage.Failures()
	c, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := storeError(ctx, op, f(c))
	switch {
	case err == nil, errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict), errors.Is(err, ErrUserExists):
		g.outage.Answered(ctx, failures)
	case errors.Is(err, ErrUnavailable):
		g.outage.Failed(ctx, err)
	}
	return err
}

// storeError classifies what a store returned. parent is the caller's context, without
// the deadline that the guard added.
func storeError(parent context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict), errors.Is(err, ErrUserExists):
		return err
	case parent.Err() != nil:
		return fmt.Errorf("kit: %s: %w", op, parent.Err())
	case errors.Is(err, ErrUnavailable):
		return fmt.Errorf("kit: %s: %w", op, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("kit: %s: %w: no answer in time: %w", op, ErrUnavailable, err)
	default:
		return fmt.Errorf("kit: %s: %w", op, err)
	}
}

func (g guardedUsers) Create(ctx context.Context, u User) error {
	return g.call(ctx, "create user", func(ctx context.Context) error { return g.store.Create(ctx, u) })
}

func (g guardedUsers) ByID(ctx context.Context, id string) (u User, err error) {
	err = g.call(ctx, "user by id", func(ctx context.Context) (err error) {
		u, err = g.store.ByID(ctx, id)
		return err
	})
	return u, err
}

func (g guardedUsers) ByEmail(ctx context.Context, email string) (u User, err error) {
	err = g.call(ctx, "user by email", func(ctx context.Context) (err error) {
		u, err = g.store.ByEmail(ctx, email)
		return err
	})
	return u, err
}

func (g guardedUsers) Update(ctx context.Context, u User) error {
	return g.call(ctx, "update user", func(ctx context.Context) error { return g.store.Update(ctx, u) })
}

func (g guardedUsers) Delete(ctx context.Context, id string) error {
	return g.call(ctx, "delete user", func(ctx context.Context) error { return g.store.Delete(ctx, id) })
}

func (g guardedUsers) Ping(ctx context.Context) error { return g.ping(ctx, g.store) }

func (g guardedTokens) Create(ctx context.Context, t Token) error {
	return g.call(ctx, "create token", func(ctx context.Context) error { return g.store.Create(ctx, t) })
}

func (g guardedTokens) ByID(ctx context.Context, id string) (t Token, err error) {
	err = g.call(ctx, "token by id", func(ctx context.Context) (err error) {
		t, err = g.store.ByID(ctx, id)
		return err
	})
	return t, err
}

func (g guardedTokens) Update(ctx context.Context, t Token) error {
	return g.call(ctx, "update token", func(ctx context.Context) error { return g.store.Update(ctx, t) })
}

func (g guardedTokens) Delete(ctx context.Context, id string) (deleted bool, err error) {
	err = g.call(ctx, "delete token", func(ctx context.Context) (err error) {
		deleted, err = g.store.Delete(ctx, id)
		return err
	})
	return deleted, err
}

func (g guardedTokens) ByUser(ctx context.Context, userID, after string, limit int) (ts []Token, err error) {
	err = g.call(ctx, "tokens by user", func(ctx context.Context) (err error) {
		ts, err = g.store.ByUser(ctx, userID, after, limit)
		return err
	})
	return ts, err
}

func (g guardedTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (n int, err error) {
	// A batch of a thousand deletes is more work than any other call.
	err = g.callWithin(ctx, 10*g.timeout, "delete expired tokens", func(ctx context.Context) (err error) {
		n, err = g.store.DeleteExpired(ctx, before, limit)
		return err
	})
	return n, err
}

func (g guardedTokens) Ping(ctx context.Context) error { return g.ping(ctx, g.store) }

func (g *storeGuard) ping(ctx context.Context, store any) error {
	if p, ok := store.(Pinger); ok {
		return g.call(ctx, "ping", p.Ping)
	}
	return nil
}
