package conformance

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"myauth.internal/kit"
)

// twoMaps keeps users in memory as many would: one map for the records and one for the
// addresses, each under a lock of its own. The windows between the two are as
// narrow as they are in a program: two callers on two processors meet there some times in a
// second. Where there is only one processor, or others want it too, hardly ever one is
// stopped just there, so [twoMaps.window] does that now and then.
type twoMaps struct {
	windows atomic.Int64

	mu      sync.Mutex
	records map[string]kit.User
	mu2     sync.Mutex
	owners  map[string]string // by address
	// tokens, by ID and by user.
	tokens map[string]kit.Token
	lists  map[string][]string
}

func newTwoMaps() *twoMaps {
	return &twoMaps{records: map[string]kit.User{}, owners: map[string]string{}, tokens: map[string]kit.Token{}, lists: map[string][]string{}}
}

// window is called where no lock is held.
func (m *twoMaps) window() {
	if m.windows.Add(1)%61 == 0 {
		runtime.Gosched()
	}
}

func (m *twoMaps) get(id string) (kit.User, bool) {
	defer m.window()
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.records[id]
	return u.Clone(), ok
}

func (m *twoMaps) put(u kit.User) {
	defer m.window()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[u.ID] = u.Clone()
}

func (m *twoMaps) drop(id string) bool {
	defer m.window()
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.records[id]
	delete(m.records, id)
	return ok
}

func (m *twoMaps) owner(email string) string {
	defer m.window()
	m.mu2.Lock()
	defer m.mu2.Unlock()
	return m.owners[kit.EmailKey(email)]
}

// reserve lets the user have the address unless another user has it.
func (m *twoMaps) reserve(email, id string) bool {
	defer m.window()
	m.mu2.Lock()
	defer m.mu2.Unlock()
	owner := m.owners[kit.EmailKey(email)]
	if owner == "" {
		m.owners[kit.EmailKey(email)] = id
	}
	return owner == "" || owner == id
}

func (m *twoMaps) free(email string) {
	defer m.window()
	m.mu2.Lock()
	defer m.mu2.Unlock()
	delete(m.owners, kit.EmailKey(email))
}

// overMaps lets the users of f live in two maps.
func (f *fake) overMaps() *twoMaps {
	m := f.maps
	f.byID = func(_ context.Context, id string) (kit.User, error) {
		if u, ok := m.get(id); ok {
			return u, nil
		}
		return kit.User{}, kit.ErrNotFound
	}
	f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
		return f.byID(ctx, m.owner(email))
	}
	f.create = func(_ context.Context, u kit.User) error {
		if _, ok := m.get(u.ID); ok || !m.reserve(u.Email, u.ID) {
			return kit.ErrUserExists
		}
		m.put(u)
		return nil
	}
	f.update = func(_ context.Context, u kit.User) error {
		old, ok := m.get(u.ID)
		switch {
		case !ok:
			return kit.ErrNotFound
		case old.Version != u.Version:
			return kit.ErrConflict
		case !m.reserve(u.Email, u.ID):
			return kit.ErrUserExists
		}
		u.Version++
		m.put(u)
		if kit.EmailKey(old.Email) != kit.EmailKey(u.Email) {
			m.free(old.Email)
		}
		return nil
	}
	f.remove = func(_ context.Context, id string) error {
		u, ok := m.get(id)
		if !ok || !m.drop(id) {
			return kit.ErrNotFound
		}
		m.free(u.Email)
		return nil
	}
	return m
}

// overLists lets the tokens of f live in a map, and their IDs in lists by user.
func (f *fake) overLists() {
	m := f.maps
	f.createToken = func(_ context.Context, t kit.Token) error {
		m.mu.Lock()
		_, taken := m.tokens[t.ID]
		if !taken {
			m.tokens[t.ID] = t.Clone()
		}
		m.mu.Unlock()
		if taken {
			return kit.ErrConflict
		}
		m.window()
		m.mu2.Lock()
		m.lists[t.UserID] = append(m.lists[t.UserID], t.ID)
		m.mu2.Unlock()
		return nil
	}
	f.tokenByID = func(_ context.Context, id string) (kit.Token, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if t, ok := m.tokens[id]; ok {
			return t.Clone(), nil
		}
		return kit.Token{}, kit.ErrNotFound
	}
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		old, err := f.tokenByID(ctx, t.ID)
		switch {
		case err != nil:
			return err
		case old.Version != t.Version:
			return kit.ErrConflict
		}
		t.Version++
		m.window()
		m.mu.Lock()
		m.tokens[t.ID] = t.Clone()
		m.mu.Unlock()
		return nil
	}
	f.removeToken = func(ctx context.Context, at idAt) error {
		m.mu.Lock()
		t, ok := m.tokens[at.id]
		stale := ok && t.Version != at.version
		if ok && !stale {
			delete(m.tokens, at.id)
		}
		m.mu.Unlock()
		switch {
		case !ok:
			return kit.ErrNotFound
		case stale:
			return kit.ErrConflict
		}
		m.window()
		m.mu2.Lock()
		m.lists[t.UserID] = slices.DeleteFunc(m.lists[t.UserID], func(other string) bool { return other == at.id })
		m.mu2.Unlock()
		return nil
	}
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		m.mu2.Lock()
		ids := slices.Clone(m.lists[userID])
		m.mu2.Unlock()
		m.window()
		slices.Sort(ids)
		var list []kit.Token
		for _, id := range ids {
			if t, err := f.tokenByID(ctx, id); err == nil && strings.Compare(id, after) > 0 && len(list) < limit {
				list = append(list, t)
			}
		}
		return list, nil
	}
}

// mapFlaws show only when two callers meet within nanoseconds.
var mapFlaws = []flaw{
	{name: "keeps users in two maps without one lock over both", by: "users/concurrent/two-callers", racy: true, alter: func(f *fake) { f.overMaps() }},
	{name: "keeps users in two maps, and looks for the ID before it takes the address", by: "users/concurrent/one-holder", racy: true, alter: func(f *fake) { f.overMaps() }},
	{name: "keeps users in two maps, and looks whether an address is free before it takes it", by: "users/concurrent/one-owner", racy: true, alter: func(f *fake) {
		m := f.overMaps()
		f.create = func(_ context.Context, u kit.User) error {
			if _, ok := m.get(u.ID); ok || m.owner(u.Email) != "" {
				return kit.ErrUserExists
			}
			m.reserve(u.Email, u.ID)
			m.put(u)
			return nil
		}
	}},
	{name: "keeps users in two maps, and reads the one after the other", by: "users/by-email/moving-address", racy: true, alter: func(f *fake) { f.overMaps() }},
	{name: "keeps tokens in a map and their lists in another", by: "tokens/concurrent/two-callers", racy: true, alter: func(f *fake) { f.overLists() }},
}
