package oidc

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	fresh  = 24 * time.Hour // so long a document is used without a question
	oldest = 48 * time.Hour // and so long if the provider is away
	// The least time between two attempts to fetch a document, while there is none that may be
	// used, and when there is one.
	pauseWithout = 5 * time.Second
	pauseWith    = time.Minute
)

// cache holds a document of the provider. One caller at a time fetches it, on its own goroutine, and
// finishes that even if its context ends, because others wait for it; the client bounds the time.
type cache[T any] struct {
	now    func() time.Time
	fetch  func(context.Context) (*T, error)
	turn   chan struct{} // holds one: the right to fetch, and to write what follows
	tried  time.Time
	failed error // of the last attempt
	held   atomic.Pointer[document[T]]
}

type document[T any] struct {
	value *T
	at    time.Time
}

func (c *cache[T]) init(now func() time.Time, fetch func(context.Context) (*T, error)) {
	c.now, c.fetch, c.turn = now, fetch, make(chan struct{}, 1)
}

// get returns the document. With not, it must be another one than that: the caller has found it
// wanting. When there is no other, because the provider has none or must not be asked yet, get returns
// not itself, with the error of the last attempt if that has failed.
func (c *cache[T]) get(ctx context.Context, not *T) (*T, error) {
	if d := c.held.Load(); d != nil && d.value != not {
		switch age := c.now().Sub(d.at); {
		case age < fresh:
			return d.value, nil
		case age < oldest && len(c.turn) == 1: // another one is at it
			return d.value, nil
		}
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	return c.renew(ctx, not)
}

// renew is get for the one whose turn it is.
func (c *cache[T]) renew(ctx context.Context, not *T) (*T, error) {
	now := c.now()
	d := c.held.Load()
	usable := d != nil && now.Sub(d.at) < oldest
	if usable && d.value != not && now.Sub(d.at) < fresh {
		return d.value, nil
	}
	pause := pauseWithout
	if usable {
		pause = pauseWith
	}
	if c.tried.IsZero() || now.Sub(c.tried).Abs() >= pause { // a clock that was set back must not stop it
		value, err := c.fetch(context.WithoutCancel(ctx))
		c.tried, c.failed = c.now(), err // from its end, so that those who have waited do not try in turn
		if err == nil {
			c.held.Store(&document[T]{value, now})
			return value, nil
		}
	}
	switch {
	case !usable:
		return nil, c.failed
	case d.value != not:
		return d.value, nil
	}
	return d.value, c.failed
}
