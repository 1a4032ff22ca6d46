package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"myauth.internal/kit"
)

// watch knows the calls of a case that have not returned.
type watch struct {
	mu    sync.Mutex
	next  int
	calls map[int]watchedCall
	last  time.Time // when the last call began or ended
	// unavailable reports whether a call has returned kit.ErrUnavailable.
	unavailable atomic.Bool
}

type watchedCall struct {
	what  string
	began time.Time
}

func newWatch() *watch { return &watch{calls: map[int]watchedCall{}, last: time.Now()} }

// begin notes a call until its end.
func (w *watch) begin(what string) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	w.next++
	number := w.next
	w.calls[number] = watchedCall{what, w.last}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last = time.Now()
		delete(w.calls, number)
	}
}

// call is begin for a call whose error is there at its end.
func (w *watch) call(what string, err *error) (end func()) {
	ended := w.begin(what)
	return func() { w.saw(*err); ended() }
}

// saw notes an answer.
func (w *watch) saw(err error) {
	if errors.Is(err, kit.ErrUnavailable) {
		w.unavailable.Store(true)
	}
}

// problem says why the case is stuck, if it is. A slow store is not: each call has the
// timeout. Of several calls it names the oldest, which the others may be waiting for.
func (w *watch) problem(timeout time.Duration) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var oldest *watchedCall
	for _, c := range w.calls {
		if oldest == nil || c.began.Before(oldest.began) {
			oldest = &c
		}
	}
	switch {
	case oldest != nil && time.Since(oldest.began) > timeout:
		return fmt.Sprintf("%s has not returned within %v, and %d other calls are not back either: it is very slow, or stuck, or two calls wait for each other", oldest.what, timeout, len(w.calls)-1)
	case oldest == nil && time.Since(w.last) > timeout:
		return fmt.Sprintf("the case is waiting, and no call has begun or ended within %v", timeout)
	}
	return ""
}

// stacks returns those of all goroutines.
func stacks() []byte {
	all := make([]byte, 1<<20)
	return all[:runtime.Stack(all, true)]
}

// watched returns s with every call noted.
func (w *watch) watched(s Stores, handle string) Stores {
	through := " through handle " + handle
	if s.Users != nil {
		s.Users = watchedUsers{s.Users, w, through}
	}
	if s.Tokens != nil {
		s.Tokens = watchedTokens{s.Tokens, w, through}
	}
	if s.Credentials != nil {
		s.Credentials = watchedTokens{s.Credentials, w, through}
	}
	if closeStores := s.Close; closeStores != nil {
		s.Close = func() error { defer w.begin("Close of handle " + handle)(); return closeStores() }
	}
	return s
}

// These note each call.
type (
	watchedUsers struct {
		store   kit.UserStore
		watch   *watch
		through string
	}
	watchedTokens struct {
		store   kit.TokenStore
		watch   *watch
		through string
	}
	watchedPinger struct {
		store kit.Pinger
		watch *watch
	}
	watchedLister struct {
		store   kit.UserLister
		watch   *watch
		through string
	}
)

func (s watchedUsers) Create(ctx context.Context, u kit.User) (err error) {
	defer s.watch.call("Users.Create"+s.through, &err)()
	return s.store.Create(ctx, u)
}

func (s watchedUsers) ByID(ctx context.Context, id string) (_ kit.User, err error) {
	defer s.watch.call("Users.ByID"+s.through, &err)()
	return s.store.ByID(ctx, id)
}

func (s watchedUsers) ByEmail(ctx context.Context, email string) (_ kit.User, err error) {
	defer s.watch.call("Users.ByEmail"+s.through, &err)()
	return s.store.ByEmail(ctx, email)
}

func (s watchedUsers) Update(ctx context.Context, u kit.User) (err error) {
	defer s.watch.call("Users.Update"+s.through, &err)()
	return s.store.Update(ctx, u)
}

func (s watchedUsers) Delete(ctx context.Context, id string) (err error) {
	defer s.watch.call("Users.Delete"+s.through, &err)()
	return s.store.Delete(ctx, id)
}

func (s watchedTokens) Create(ctx context.Context, t kit.Token) (err error) {
	defer s.watch.call("Tokens.Create"+s.through, &err)()
	return s.store.Create(ctx, t)
}

func (s watchedTokens) ByID(ctx context.Context, id string) (_ kit.Token, err error) {
	defer s.watch.call("Tokens.ByID"+s.through, &err)()
	return s.store.ByID(ctx, id)
}

func (s watchedTokens) WithOwner(users kit.UserStore) func(context.Context, string) (kit.Token, kit.User, error) {
	owned, ok := s.store.(kit.OwnedTokenStore)
	if beside, watched := users.(watchedUsers); watched {
		users = beside.store
	}
	if !ok {
		return nil
	}
	look := owned.WithOwner(users)
	if look == nil {
		return nil
	}
	return func(ctx context.Context, id string) (_ kit.Token, _ kit.User, err error) {
		defer s.watch.call("the look-up of Tokens.WithOwner"+s.through, &err)()
		return look(ctx, id)
	}
}

func (s watchedTokens) Update(ctx context.Context, t kit.Token) (err error) {
	defer s.watch.call("Tokens.Update"+s.through, &err)()
	return s.store.Update(ctx, t)
}

func (s watchedTokens) Delete(ctx context.Context, id string, version int64) (err error) {
	defer s.watch.call("Tokens.Delete"+s.through, &err)()
	return s.store.Delete(ctx, id, version)
}

func (s watchedTokens) ByUser(ctx context.Context, userID, after string, limit int) (_ []kit.Token, err error) {
	defer s.watch.call("Tokens.ByUser"+s.through, &err)()
	return s.store.ByUser(ctx, userID, after, limit)
}

func (s watchedTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (_ int, err error) {
	defer s.watch.call("Tokens.DeleteExpired"+s.through, &err)()
	return s.store.DeleteExpired(ctx, before, limit)
}

func (s watchedLister) List(ctx context.Context, after string, limit int) (_ []kit.User, err error) {
	defer s.watch.call("Users.List"+s.through, &err)()
	return s.store.List(ctx, after, limit)
}

func (s watchedLister) ListByEmail(ctx context.Context, prefix, after string, limit int) (_ []kit.User, err error) {
	defer s.watch.call("Users.ListByEmail"+s.through, &err)()
	return s.store.ListByEmail(ctx, prefix, after, limit)
}

func (s watchedPinger) Ping(ctx context.Context) (err error) {
	defer s.watch.call("Ping", &err)()
	return s.store.Ping(ctx)
}
