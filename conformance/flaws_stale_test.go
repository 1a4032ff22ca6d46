package conformance

import (
	"context"
	"errors"
	"sync"

	"myauth.internal/kit"
)

// remembered is what a handle has read, for a store that would rather say something
// old than that it does not know.
type remembered[T any] struct {
	mu    sync.Mutex
	found map[string]T
	not   map[string]bool
}

// instead returns what a read says, or in place of kit.ErrUnavailable what it said
// the last time.
func (r *remembered[T]) instead(key string, value T, err error) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, known := r.found[key]
	switch {
	case err == nil:
		if r.found != nil {
			r.found[key] = value
		}
	case errors.Is(err, kit.ErrNotFound):
		delete(r.found, key)
		if r.not != nil {
			r.not[key] = true
		}
	case errors.Is(err, kit.ErrUnavailable) && known:
		return old, nil
	case errors.Is(err, kit.ErrUnavailable) && r.not[key]:
		return old, kit.ErrNotFound
	}
	return value, err
}

// fallBack lets the reads by ID fall back to memory: to records that were found, or to
// the knowledge that there were none.
func fallBack(found bool) func(f *fake) {
	return func(f *fake) {
		users, tokens := &remembered[kit.User]{}, &remembered[kit.Token]{}
		if found {
			users.found, tokens.found = map[string]kit.User{}, map[string]kit.Token{}
		} else {
			users.not, tokens.not = map[string]bool{}, map[string]bool{}
		}
		byID, tokenByID := f.byID, f.tokenByID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			u, err = users.instead(id, u, err)
			return u.Clone(), err
		}
		f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
			t, err := tokenByID(ctx, id)
			t, err = tokens.instead(id, t, err)
			return t.Clone(), err
		}
	}
}

// listsFromMemory lets the reads by something else than the ID fall back.
func listsFromMemory(f *fake) {
	users, lists := &remembered[kit.User]{found: map[string]kit.User{}}, &remembered[[]kit.Token]{found: map[string][]kit.Token{}}
	byEmail, byUser := f.byEmail, f.byUser
	f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
		u, err := byEmail(ctx, email)
		u, err = users.instead(email, u, err)
		return u.Clone(), err
	}
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		list, err := byUser(ctx, userID, after, limit)
		list, err = lists.instead(userID+"\x00"+after, list, err)
		copied := make([]kit.Token, len(list))
		for i := range list {
			copied[i] = list[i].Clone()
		}
		return copied, err
	}
}

// staleFlaws are flaws of stores that fall back to what they have read.
func staleFlaws(k kind) []flaw {
	name := func(what string) string { return what + " (" + k.name + ")" }
	return []flaw{
		{name: name("answers from what it has read when the server is away"), by: k.name + "/network/cut", alter: fallBack(true)},
		{name: name("answers from what it has found by another key when the server is away"), by: k.name + "/network/cut", alter: listsFromMemory},
		{name: name("stands by what it has not found when the server is away"), by: k.name + "/network/cut", alter: fallBack(false)},
		{name: name("answers from what it has read when it is closed"), by: k.name + "/closed/unavailable", alter: fallBack(true)},
		{name: name("stands by what it has not found when it is closed"), by: k.name + "/closed/unavailable", alter: fallBack(false)},
	}
}
