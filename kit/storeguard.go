package kit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// guardedUsers and guardedTokens stand between the Service and the caller's
// stores: each call gets its own deadline, and each error is one of the store
// contract's or marked as the bug that it is. So no use case has to think of
// either.
type guardedUsers struct {
	store   UserStore
	timeout time.Duration
}

type guardedTokens struct {
	store   TokenStore
	timeout time.Duration
}

// storeError sorts what a store returned. parent is the caller's context, without
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
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	return storeError(ctx, "create user", g.store.Create(c, u))
}

func (g guardedUsers) ByID(ctx context.Context, id string) (User, error) {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	u, err := g.store.ByID(c, id)
	return u, storeError(ctx, "user by id", err)
}

func (g guardedUsers) ByEmail(ctx context.Context, email string) (User, error) {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	u, err := g.store.ByEmail(c, email)
	return u, storeError(ctx, "user by email", err)
}

func (g guardedUsers) Update(ctx context.Context, u User) error {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	return storeError(ctx, "update user", g.store.Update(c, u))
}

func (g guardedUsers) Delete(ctx context.Context, id string) error {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	return storeError(ctx, "delete user", g.store.Delete(c, id))
}

func (g guardedUsers) Ping(ctx context.Context) error { return ping(ctx, g.store, g.timeout) }

func (g guardedTokens) Create(ctx context.Context, t Token) error {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	return storeError(ctx, "create token", g.store.Create(c, t))
}

func (g guardedTokens) ByID(ctx context.Context, id string) (Token, error) {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	t, err := g.store.ByID(c, id)
	return t, storeError(ctx, "token by id", err)
}

func (g guardedTokens) Update(ctx context.Context, t Token) error {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	return storeError(ctx, "update token", g.store.Update(c, t))
}

func (g guardedTokens) Delete(ctx context.Context, id string) (bool, error) {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	ok, err := g.store.Delete(c, id)
	return ok, storeError(ctx, "delete token", err)
}

func (g guardedTokens) ByUser(ctx context.Context, userID, after string, limit int) ([]Token, error) {
	c, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	ts, err := g.store.ByUser(c, userID, after, limit)
	return ts, storeError(ctx, "tokens by user", err)
}

func (g guardedTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	// A batch of a thousand deletes is more work than any other call.
	c, cancel := context.WithTimeout(ctx, 10*g.timeout)
	defer cancel()
	n, err := g.store.DeleteExpired(c, before, limit)
	return n, storeError(ctx, "delete expired tokens", err)
}

func (g guardedTokens) Ping(ctx context.Context) error { return ping(ctx, g.store, g.timeout) }

func ping(ctx context.Context, store any, timeout time.Duration) error {
	p, ok := store.(Pinger)
	if !ok {
		return nil
	}
	c, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return storeError(ctx, "ping", p.Ping(c))
}

// casRounds bounds how often a compare-and-swap is tried again after losing. Each
// loss means that somebody else's write went through, so more than a few in a
// row are not seen outside of an attack on one record.
const casRounds = 32

var errContention = fmt.Errorf("%w: too many changes of one record at once", ErrUnavailable)
