package kittest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"myauth.internal/kit"
)

// Fault is one way in which a call of a store goes wrong.
type Fault int

// The faults.
const (
	// Down fails before anything happens, with [kit.ErrUnavailable].
	Down Fault = iota + 1
	// Lost does what was asked and then returns [kit.ErrUnavailable]: the answer of
	// the server did not arrive.
	Lost
	// Hang does nothing until the call's context is done.
	Hang
	// Late fails as a call that hung until its deadline, without the wait.
	Late
	// Panic panics.
	Panic
	// Broken fails with an error of an unknown kind, whose text is that of a driver
	// and must not reach a client.
	Broken
	// Conflict does nothing and returns [kit.ErrConflict]: another call was first.
	Conflict
)

// Faults decides which calls of the stores that it wraps go wrong. It is safe for
// concurrent use; the zero value lets everything through.
//
// Its methods name a call by store and method, such as "users.Create" or
// "tokens.DeleteExpired"; "*" is every call. A refresh over a [kit.OwnedTokenStore] calls
// "tokens.WithOwner" in place of "tokens.ByID" and "users.ByID".
type Faults struct {
	mu     sync.Mutex
	rules  map[string]*rule
	calls  map[string]int
	onCall map[string]func()
	each   func(ctx context.Context, op string, record any) Fault
}

type rule struct {
	fault Fault
	skip  int // calls to let through first
	left  int // negative: for ever
}

// Inject makes the next calls of op go wrong: times of them, or all when times is
// negative. A later call for the same op replaces it.
func (f *Faults) Inject(op string, fault Fault, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rules == nil {
		f.rules = map[string]*rule{}
	}
	f.rules[op] = &rule{fault: fault, left: times}
}

// InjectAfter lets skip calls of op through, and makes every later one go wrong.
func (f *Faults) InjectAfter(op string, fault Fault, skip int) {
	f.Inject(op, fault, -1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules[op].skip = skip
}

// InjectNth makes the nth call of op from now on go wrong, and no other.
func (f *Faults) InjectNth(op string, fault Fault, n int) {
	f.Inject(op, fault, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules[op].skip = n - 1
}

// OnCall calls do at the beginning of the next call of op.
func (f *Faults) OnCall(op string, do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.onCall == nil {
		f.onCall = map[string]func(){}
	}
	f.onCall[op] = do
}

// Each is asked before each call: by its context, its name and the record that it writes, a
// [kit.User] or a [kit.Token], or nil. It returns what becomes of the call, or 0 for whatever
// else was injected. Calls at once ask it at once.
func (f *Faults) Each(ask func(ctx context.Context, op string, record any) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.each = ask
}

// Clear lets everything through again.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.onCall, f.each = nil, nil, nil
}

// Calls returns how often op was called, whatever came of it.
func (f *Faults) Calls(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// Stores returns stores with the faults in front of each: "users", "tokens" and
// "credentials".
func (f *Faults) Stores(s kit.Stores) kit.Stores {
	return kit.Stores{Users: faultyUsers{f, s.Users}, Tokens: faultyTokens{f, "tokens.", s.Tokens}, Credentials: faultyTokens{f, "credentials.", s.Credentials}}
}

func (f *Faults) next(ctx context.Context, op string, record any) Fault {
	f.mu.Lock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[op]++
	do, each := f.onCall[op], f.each
	delete(f.onCall, op)
	f.mu.Unlock()
	if do != nil {
		do() // which may call the store itself
	}
	if each != nil {
		if fault := each(ctx, op, record); fault != 0 {
			return fault
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range []string{op, "*"} {
		if r := f.rules[key]; r != nil && r.skip > 0 {
			r.skip--
		} else if r != nil && r.left != 0 {
			if r.left > 0 {
				r.left--
			}
			return r.fault
		}
	}
	return 0
}

// call runs do, or fails as the fault that is due says.
func call[T any](ctx context.Context, f *Faults, op string, record any, do func() (T, error)) (T, error) {
	var zero T
	switch f.next(ctx, op, record) {
	case Down:
		return zero, fmt.Errorf("kittest: %s: %w: connection refused", op, kit.ErrUnavailable)
	case Lost:
		if _, err := do(); err != nil {
			return zero, err
		}
		return zero, fmt.Errorf("kittest: %s: %w: connection reset", op, kit.ErrUnavailable)
	case Conflict:
		return zero, fmt.Errorf("kittest: %s: %w", op, kit.ErrConflict)
	case Hang:
		<-ctx.Done()
		return zero, fmt.Errorf("kittest: %s: %w", op, context.Cause(ctx))
	case Late:
		return zero, fmt.Errorf("kittest: %s: %w", op, context.DeadlineExceeded)
	case Panic:
		panic("kittest: " + op)
	case Broken:
		return zero, fmt.Errorf("kittest: %s: ERROR: syntax error at or near SELECT (SQLSTATE 42601)", op)
	}
	return do()
}

// do is call for what returns only an error.
func do(ctx context.Context, f *Faults, op string, record any, act func() error) error {
	_, err := call(ctx, f, op, record, func() (struct{}, error) { return struct{}{}, act() })
	return err
}

type faultyUsers struct {
	f     *Faults
	store kit.UserStore
}

func (s faultyUsers) Create(ctx context.Context, u kit.User) error {
	return do(ctx, s.f, "users.Create", u, func() error { return s.store.Create(ctx, u) })
}

func (s faultyUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	return call(ctx, s.f, "users.ByID", nil, func() (kit.User, error) { return s.store.ByID(ctx, id) })
}

func (s faultyUsers) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return call(ctx, s.f, "users.ByEmail", nil, func() (kit.User, error) { return s.store.ByEmail(ctx, email) })
}

func (s faultyUsers) Update(ctx context.Context, u kit.User) error {
	return do(ctx, s.f, "users.Update", u, func() error { return s.store.Update(ctx, u) })
}

func (s faultyUsers) Delete(ctx context.Context, id string) error {
	return do(ctx, s.f, "users.Delete", nil, func() error { return s.store.Delete(ctx, id) })
}

// List is that of a store which is a [kit.UserLister].
func (s faultyUsers) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	return call(ctx, s.f, "users.List", nil, func() ([]kit.User, error) { return s.store.(kit.UserLister).List(ctx, after, limit) })
}

// ListByEmail is that of a store which is a [kit.UserLister].
func (s faultyUsers) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	return call(ctx, s.f, "users.ListByEmail", nil, func() ([]kit.User, error) {
		return s.store.(kit.UserLister).ListByEmail(ctx, prefix, after, limit)
	})
}

func (s faultyUsers) Ping(ctx context.Context) error {
	return do(ctx, s.f, "users.Ping", nil, func() error { return pingStore(ctx, s.store) })
}

type faultyTokens struct {
	f     *Faults
	name  string // with a dot
	store kit.TokenStore
}

func (s faultyTokens) Create(ctx context.Context, t kit.Token) error {
	return do(ctx, s.f, s.name+"Create", t, func() error { return s.store.Create(ctx, t) })
}

func (s faultyTokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	return call(ctx, s.f, s.name+"ByID", nil, func() (kit.Token, error) { return s.store.ByID(ctx, id) })
}

// WithOwner is that of a store which is a [kit.OwnedTokenStore].
func (s faultyTokens) WithOwner(users kit.UserStore) func(context.Context, string) (kit.Token, kit.User, error) {
	owned, ok := s.store.(kit.OwnedTokenStore)
	beside, faulty := users.(faultyUsers)
	if !ok || !faulty {
		return nil
	}
	look := owned.WithOwner(beside.store)
	if look == nil {
		return nil
	}
	return func(ctx context.Context, id string) (t kit.Token, u kit.User, err error) {
		t, err = call(ctx, s.f, s.name+"WithOwner", nil, func() (kit.Token, error) {
			t, u, err = look(ctx, id)
			return t, err
		})
		return t, u, err
	}
}

func (s faultyTokens) Update(ctx context.Context, t kit.Token) error {
	return do(ctx, s.f, s.name+"Update", t, func() error { return s.store.Update(ctx, t) })
}

func (s faultyTokens) Delete(ctx context.Context, id string, version int64) error {
	return do(ctx, s.f, s.name+"Delete", nil, func() error { return s.store.Delete(ctx, id, version) })
}

func (s faultyTokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	return call(ctx, s.f, s.name+"ByUser", nil, func() ([]kit.Token, error) { return s.store.ByUser(ctx, userID, after, limit) })
}

func (s faultyTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	return call(ctx, s.f, s.name+"DeleteExpired", nil, func() (int, error) { return s.store.DeleteExpired(ctx, before, limit) })
}

func (s faultyTokens) Ping(ctx context.Context) error {
	return do(ctx, s.f, s.name+"Ping", nil, func() error { return pingStore(ctx, s.store) })
}

func pingStore(ctx context.Context, store any) error {
	if p, ok := store.(kit.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}
