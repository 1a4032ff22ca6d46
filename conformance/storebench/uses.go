package storebench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// use is a use case in its two forms. prepare makes what n operations need before
// they are timed; clean takes away what they have added, so that a store keeps its
// size. Each call gets the number of a user that no other caller has at that time.
type use struct {
	name           string
	store, bare    func(ctx context.Context, c *crowd, i int) error
	prepare, clean func(ctx context.Context, c *crowd, n int) error
}

var uses = []use{
	{name: "login", store: login, bare: bareLogin, clean: forgetSessions},
	{name: "refresh", store: refresh, bare: bareRefresh},
	{name: "me", store: me, bare: bareMe},
	{name: "register", store: register, bare: bareRegister, clean: forgetUsers},
	{name: "purge", store: purge, bare: barePurge, prepare: expire},
}

func login(ctx context.Context, c *crowd, i int) error {
	if _, err := c.Stores.Users.ByEmail(ctx, email(i)); err != nil {
		return err
	}
	return c.Stores.Tokens.Create(ctx, newToken(c.another(), i))
}

func bareLogin(ctx context.Context, c *crowd, i int) error {
	if found, err := c.Bare.UserByEmail(ctx, email(i)); err != nil {
		return err
	} else if !found {
		return errors.New("an address is gone")
	}
	return c.Bare.TokenCreate(ctx, newToken(c.another(), i))
}

func refresh(ctx context.Context, c *crowd, i int) error {
	t, err := c.Stores.Tokens.ByID(ctx, tokenID(i))
	if err != nil {
		return err
	}
	if _, err := c.Stores.Users.ByID(ctx, t.UserID); err != nil {
		return err
	}
	c.versions[i]++
	return c.Stores.Tokens.Update(ctx, c.rotated(t))
}

func bareRefresh(ctx context.Context, c *crowd, i int) error {
	t := newToken(i, i)
	if err := c.Bare.TokenByID(ctx, t.ID); err != nil {
		return err
	}
	if err := c.Bare.UserByID(ctx, t.UserID); err != nil {
		return err
	}
	t.Version = c.versions[i]
	c.versions[i]++
	return c.Bare.TokenUpdate(ctx, c.rotated(t))
}

func me(ctx context.Context, c *crowd, i int) error {
	_, err := c.Stores.Users.ByID(ctx, userID(i))
	return err
}

func bareMe(ctx context.Context, c *crowd, i int) error { return c.Bare.UserByID(ctx, userID(i)) }

func register(ctx context.Context, c *crowd, _ int) error {
	u := newUser(c.another())
	if _, err := c.Stores.Users.ByEmail(ctx, u.Email); !errors.Is(err, kit.ErrNotFound) {
		return fmt.Errorf("a new address is taken: %w", err)
	}
	return c.Stores.Users.Create(ctx, u)
}

func bareRegister(ctx context.Context, c *crowd, _ int) error {
	u := newUser(c.another())
	if found, err := c.Bare.UserByEmail(ctx, u.Email); err != nil {
		return err
	} else if found {
		return errors.New("a new address is taken")
	}
	return c.Bare.UserCreate(ctx, u)
}

// purged is how many expired tokens one purge removes.
const purged = 1000

var expiredBefore = epoch.Add(-time.Hour)

// expire adds what n purges remove.
func expire(ctx context.Context, c *crowd, n int) error {
	return together(n*purged, func(i int) error {
		t := newToken(c.another(), i%c.users)
		t.ExpiresAt = expiredBefore.Add(-time.Duration(i) * time.Second)
		return c.Stores.Tokens.Create(ctx, t)
	})
}

func purge(ctx context.Context, c *crowd, _ int) error {
	return purgeBy(ctx, c.Stores.Tokens.DeleteExpired)
}

func barePurge(ctx context.Context, c *crowd, _ int) error { return purgeBy(ctx, c.Bare.DeleteExpired) }

// purgeBy removes a thousand. Others who purge at the same time may be first with all
// that a call has found, so it asks again, but not for ever.
func purgeBy(ctx context.Context, deleteExpired func(context.Context, time.Time, int) (int, error)) error {
	const mostInVain = 100
	for left, inVain := purged, 0; left > 0; {
		n, err := deleteExpired(ctx, expiredBefore, left)
		if err != nil {
			return err
		}
		left -= n
		if n > 0 {
			inVain = 0
		} else if inVain++; inVain == mostInVain {
			return fmt.Errorf("a purge removed %d tokens of %d and then none in %d calls", purged-left, purged, mostInVain)
		}
	}
	return nil
}

// forgetSessions removes the last n sessions, and forgetUsers the last n users, and
// gives their numbers back.
func forgetSessions(ctx context.Context, c *crowd, n int) error {
	last := int(c.next.Add(int64(-n)))
	return together(n, func(i int) error {
		_, err := c.Stores.Tokens.Delete(ctx, tokenID(last+1+i))
		return err
	})
}

func forgetUsers(ctx context.Context, c *crowd, n int) error {
	last := int(c.next.Add(int64(-n)))
	return together(n, func(i int) error { return c.Stores.Users.Delete(ctx, userID(last+1+i)) })
}
