package stores

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// use is a use case. prepare makes what n operations need before
// they are timed; clean takes away what they have added, so that a store keeps its
// size. Each call gets the number of a user that no other caller has at that time.
type use struct {
	name           string
	call           func(ctx context.Context, c *crowd, i int) error
	prepare, clean func(ctx context.Context, c *crowd, n int) error
}

var uses = []use{
	{name: "login", call: login, clean: forgetSessions},
	{name: "refresh", call: refresh},
	{name: "logout", call: logout},
	{name: "me", call: me},
	{name: "register", call: register, clean: forgetUsers},
	{name: "purge", call: purge, prepare: expire},
}

func login(ctx context.Context, c *crowd, i int) error {
	if _, err := c.users.ByEmail(ctx, email(i)); err != nil {
		return err
	}
	return c.tokens.Create(ctx, newToken(c.another(), i))
}

func refresh(ctx context.Context, c *crowd, i int) error {
	t, err := c.session(ctx, i)
	if err != nil {
		return err
	}
	return c.tokens.Update(ctx, c.rotated(t))
}

// session reads a session and its user: at once where the store can, as a Service does.
func (c *crowd) session(ctx context.Context, i int) (kit.Token, error) {
	if owned, ok := c.tokens.(kit.OwnedTokenStore); ok {
		t, _, err := owned.WithOwner(c.users)(ctx, tokenID(i))
		return t, err
	}
	t, err := c.tokens.ByID(ctx, tokenID(i))
	if err != nil {
		return t, err
	}
	_, err = c.users.ByID(ctx, t.UserID)
	return t, err
}

func logout(ctx context.Context, c *crowd, i int) error {
	t, err := c.tokens.ByID(ctx, tokenID(i))
	if err != nil {
		return err
	}
	t.RevokedAt = epoch.Add(time.Duration(c.changes.Add(1)) * time.Millisecond)
	t.ExpiresAt = newToken(i, i).ExpiresAt // which a minimal store does not return
	return c.tokens.Update(ctx, t)
}

func me(ctx context.Context, c *crowd, i int) error {
	_, err := c.users.ByID(ctx, userID(i))
	return err
}

func register(ctx context.Context, c *crowd, _ int) error {
	u := newUser(c.another())
	if _, err := c.users.ByEmail(ctx, u.Email); !errors.Is(err, kit.ErrNotFound) {
		return fmt.Errorf("a new address is taken: %w", err)
	}
	return c.users.Create(ctx, u)
}

// purged is how many expired tokens one purge removes.
const purged = 1000

var expiredBefore = epoch.Add(-time.Hour)

// expire adds what n purges remove.
func expire(ctx context.Context, c *crowd, n int) error {
	return inParallel(n*purged, func(i int) error {
		t := newToken(c.another(), i%c.size)
		t.ExpiresAt = expiredBefore.Add(-time.Duration(i) * time.Second)
		return c.tokens.Create(ctx, t)
	})
}

// purge removes a thousand. Others who purge at the same time may be first with all that a
// call has found, so it asks again, but not for ever.
func purge(ctx context.Context, c *crowd, _ int) error {
	const mostInVain = 100
	for left, inVain := purged, 0; left > 0; {
		n, err := c.tokens.DeleteExpired(ctx, expiredBefore, left)
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
	return inParallel(n, func(i int) error { return c.tokens.Delete(ctx, tokenID(last+1+i), 1) })
}

func forgetUsers(ctx context.Context, c *crowd, n int) error {
	last := int(c.next.Add(int64(-n)))
	return inParallel(n, func(i int) error { return c.users.Delete(ctx, userID(last+1+i)) })
}
