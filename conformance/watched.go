package conformance

import (
	"context"
	"time"

	"myauth.internal/kit"
)

// watched returns s with every call noted.
func (w *watch) watched(s Stores, handle string) Stores {
	if s.Users != nil {
		users := watchedUsers{s.Users, w, " through handle " + handle}
		if pinger, ok := s.Users.(kit.Pinger); ok {
			s.Users = pingingUsers{users, pinger}
		} else {
			s.Users = users
		}
	}
	if s.Tokens != nil {
		tokens := watchedTokens{s.Tokens, w, " through handle " + handle}
		if pinger, ok := s.Tokens.(kit.Pinger); ok {
			s.Tokens = pingingTokens{tokens, pinger}
		} else {
			s.Tokens = tokens
		}
	}
	if closeStores := s.Close; closeStores != nil {
		s.Close = func() error { defer w.begin("Close of handle " + handle)(); return closeStores() }
	}
	if stall := s.Stall; stall != nil {
		s.Stall = func() func() { defer w.begin("Stall of handle " + handle)(); return stall() }
	}
	return s
}

// watchedUsers and watchedTokens note each call. A store that can be pinged still
// can.
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
	pingingUsers struct {
		watchedUsers
		pinger kit.Pinger
	}
	pingingTokens struct {
		watchedTokens
		pinger kit.Pinger
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

func (s pingingUsers) Ping(ctx context.Context) (err error) {
	defer s.watch.call("Users.Ping"+s.through, &err)()
	return s.pinger.Ping(ctx)
}

func (s watchedTokens) Create(ctx context.Context, t kit.Token) (err error) {
	defer s.watch.call("Tokens.Create"+s.through, &err)()
	return s.store.Create(ctx, t)
}

func (s watchedTokens) ByID(ctx context.Context, id string) (_ kit.Token, err error) {
	defer s.watch.call("Tokens.ByID"+s.through, &err)()
	return s.store.ByID(ctx, id)
}

func (s watchedTokens) Update(ctx context.Context, t kit.Token) (err error) {
	defer s.watch.call("Tokens.Update"+s.through, &err)()
	return s.store.Update(ctx, t)
}

func (s watchedTokens) Delete(ctx context.Context, id string) (_ bool, err error) {
	defer s.watch.call("Tokens.Delete"+s.through, &err)()
	return s.store.Delete(ctx, id)
}

func (s watchedTokens) ByUser(ctx context.Context, userID, after string, limit int) (_ []kit.Token, err error) {
	defer s.watch.call("Tokens.ByUser"+s.through, &err)()
	return s.store.ByUser(ctx, userID, after, limit)
}

func (s watchedTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (_ int, err error) {
	defer s.watch.call("Tokens.DeleteExpired"+s.through, &err)()
	return s.store.DeleteExpired(ctx, before, limit)
}

func (s pingingTokens) Ping(ctx context.Context) (err error) {
	defer s.watch.call("Tokens.Ping"+s.through, &err)()
	return s.pinger.Ping(ctx)
}
