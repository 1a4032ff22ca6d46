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

func (s watchedUsers) Create(ctx context.Context, u kit.User) error {
	defer s.watch.begin("Users.Create" + s.through)()
	return s.store.Create(ctx, u)
}

func (s watchedUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	defer s.watch.begin("Users.ByID" + s.through)()
	return s.store.ByID(ctx, id)
}

func (s watchedUsers) ByEmail(ctx context.Context, email string) (kit.User, error) {
	defer s.watch.begin("Users.ByEmail" + s.through)()
	return s.store.ByEmail(ctx, email)
}

func (s watchedUsers) Update(ctx context.Context, u kit.User) error {
	defer s.watch.begin("Users.Update" + s.through)()
	return s.store.Update(ctx, u)
}

func (s watchedUsers) Delete(ctx context.Context, id string) error {
	defer s.watch.begin("Users.Delete" + s.through)()
	return s.store.Delete(ctx, id)
}

func (s pingingUsers) Ping(ctx context.Context) error {
	defer s.watch.begin("Users.Ping" + s.through)()
	return s.pinger.Ping(ctx)
}

func (s watchedTokens) Create(ctx context.Context, t kit.Token) error {
	defer s.watch.begin("Tokens.Create" + s.through)()
	return s.store.Create(ctx, t)
}

func (s watchedTokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	defer s.watch.begin("Tokens.ByID" + s.through)()
	return s.store.ByID(ctx, id)
}

func (s watchedTokens) Update(ctx context.Context, t kit.Token) error {
	defer s.watch.begin("Tokens.Update" + s.through)()
	return s.store.Update(ctx, t)
}

func (s watchedTokens) Delete(ctx context.Context, id string) (bool, error) {
	defer s.watch.begin("Tokens.Delete" + s.through)()
	return s.store.Delete(ctx, id)
}

func (s watchedTokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	defer s.watch.begin("Tokens.ByUser" + s.through)()
	return s.store.ByUser(ctx, userID, after, limit)
}

func (s watchedTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	defer s.watch.begin("Tokens.DeleteExpired" + s.through)()
	return s.store.DeleteExpired(ctx, before, limit)
}

func (s pingingTokens) Ping(ctx context.Context) error {
	defer s.watch.begin("Tokens.Ping" + s.through)()
	return s.pinger.Ping(ctx)
}
