package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// dataset is what the handles of one fake store share: a memstore, which stays
// when handles are closed, and room for the state of a flaw.
type dataset struct {
	users       *memstore.Users
	tokens      *memstore.Tokens
	table       string   // of the tokens
	credentials *dataset // the same with another table of tokens; nil in that one itself

	mu      sync.Mutex
	stalled chan struct{} // closed by the release of a stall; nil when none
	opened  int           // handles so far
	mem     *memstore.Store
	users1  map[string]kit.User // memory that flaws share with callers, by ID
	tokens1 map[string]kit.Token
	flags   map[string]bool
	locks   map[string]*sync.Mutex
	busy    sync.Mutex
	busy2   sync.Mutex
	count   atomic.Int64
	maps    *twoMaps
}

func newDataset() *dataset {
	d := emptyDataset("tokens")
	d.credentials = emptyDataset("credentials")
	return d
}

func emptyDataset(table string) *dataset {
	d := &dataset{table: table, users1: map[string]kit.User{}, tokens1: map[string]kit.Token{}, flags: map[string]bool{}, locks: map[string]*sync.Mutex{}, maps: newTwoMaps()}
	d.reset()
	return d
}

// isNewer returns an error when a newer version wrote that record.
func (d *dataset) isNewer(table, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flags["newer "+table+" "+id] {
		return fmt.Errorf("fake: %s %s: %w", table, id, kit.ErrNewerRecord)
	}
	return nil
}

// unlessNewer makes a call about a record, unless a newer version wrote it.
func (d *dataset) unlessNewer(table, id string, call func() error) error {
	if err := d.isNewer(table, id); err != nil {
		return err
	}
	return call()
}

// noneNewer returns what a call has read, or an error when a newer version wrote one of it.
func noneNewer[T any](d *dataset, table string, id func(T) string, read []T, err error) ([]T, error) {
	for _, r := range read {
		if err := d.isNewer(table, id(r)); err != nil {
			return nil, err
		}
	}
	return read, err
}

func idOfUser(u kit.User) string   { return u.ID }
func idOfToken(t kit.Token) string { return t.ID }

// reset forgets every record.
func (d *dataset) reset() {
	d.mem = memstore.New()
	d.users, d.tokens = d.mem.Users(), d.mem.Tokens()
}

// flag sets a flag and returns what it was.
func (d *dataset) flag(name string, value bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.flags[name]
	d.flags[name] = value
	return was
}

// flagged returns the rest of every flag that begins so, sorted.
func (d *dataset) flagged(prefix string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for flag := range d.flags {
		if name, ok := strings.CutPrefix(flag, prefix); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// drop removes a token whatever its version, and reports whether it was there.
func (d *dataset) drop(id string) bool {
	for {
		t, err := d.tokens.ByID(context.Background(), id)
		if err != nil {
			return false
		}
		if d.tokens.Delete(context.Background(), id, t.Version) == nil {
			return true
		}
	}
}

// idAt is what a token is deleted by.
type idAt struct {
	id      string
	version int64
}

// fake is one handle: a correct store whose every method a flaw can replace.
type fake struct {
	*dataset
	number  int // 1 for the first handle of the data set
	closed  atomic.Bool
	closing bool
	wire    *wire // to its server, where it is far away
	queue   func() (leave func())
	store   *fake // whose credentials these are: it has the gate
	other   *fake // its credentials

	create  func(ctx context.Context, u kit.User) error
	byID    func(ctx context.Context, id string) (kit.User, error)
	byEmail func(ctx context.Context, email string) (kit.User, error)
	update  func(ctx context.Context, u kit.User) error
	remove  func(ctx context.Context, id string) error
	list    func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error)
	listAll func(ctx context.Context, after string, limit int) ([]kit.User, error)
	ping    func(ctx context.Context) error

	createToken   func(ctx context.Context, t kit.Token) error
	tokenByID     func(ctx context.Context, id string) (kit.Token, error)
	updateToken   func(ctx context.Context, t kit.Token) error
	removeToken   func(ctx context.Context, at idAt) error
	withOwner     func(ctx context.Context, tokenID string) (kit.Token, kit.User, error)
	isOwner       func(users kit.UserStore) bool
	byUser        func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error)
	deleteExpired func(ctx context.Context, before time.Time, limit int) (int, error)
	pingTokens    func(ctx context.Context) error

	close func() error
	stall func() func()
}

func newFake(d *dataset) *fake {
	d.opened++
	f := &fake{dataset: d, number: d.opened}
	if d.credentials != nil {
		f.other = newFake(d.credentials)
		f.other.store = f
	}
	f.create = func(ctx context.Context, u kit.User) error { return d.users.Create(ctx, u) }
	f.byID = func(ctx context.Context, id string) (u kit.User, err error) {
		err = d.unlessNewer("users", id, func() error { u, err = d.users.ByID(ctx, id); return err })
		return u, err
	}
	f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
		u, err := d.users.ByEmail(ctx, email)
		return u, d.unlessNewer("users", u.ID, func() error { return err })
	}
	f.update = func(ctx context.Context, u kit.User) error {
		return d.unlessNewer("users", u.ID, func() error { return d.users.Update(ctx, u) })
	}
	f.remove = func(ctx context.Context, id string) error {
		return d.unlessNewer("users", id, func() error { return d.users.Delete(ctx, id) })
	}
	f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
		list, err := d.users.List(ctx, after, limit)
		return noneNewer(d, "users", idOfUser, list, err)
	}
	f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
		list, err := d.users.ListByEmail(ctx, prefix, after, limit)
		return noneNewer(d, "users", idOfUser, list, err)
	}
	f.ping = func(ctx context.Context) error { return f.gate(ctx) }
	f.createToken = func(ctx context.Context, t kit.Token) error { return d.tokens.Create(ctx, t) }
	f.tokenByID = func(ctx context.Context, id string) (t kit.Token, err error) {
		err = d.unlessNewer(d.table, id, func() error { t, err = d.tokens.ByID(ctx, id); return err })
		return t, err
	}
	f.withOwner = func(ctx context.Context, id string) (t kit.Token, u kit.User, err error) {
		if t, err = f.tokenByID(ctx, id); err == nil {
			u, err = f.byID(ctx, t.UserID)
		}
		return t, u, err
	}
	f.isOwner = func(users kit.UserStore) bool { return users == kit.UserStore(fakeUsers{f}) }
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		return d.unlessNewer(d.table, t.ID, func() error { return d.tokens.Update(ctx, t) })
	}
	f.removeToken = func(ctx context.Context, at idAt) error {
		return d.unlessNewer(d.table, at.id, func() error { return d.tokens.Delete(ctx, at.id, at.version) })
	}
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		list, err := d.tokens.ByUser(ctx, userID, after, limit)
		return noneNewer(d, d.table, idOfToken, list, err)
	}
	f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
		return d.tokens.DeleteExpired(ctx, before, limit)
	}
	f.pingTokens = func(ctx context.Context) error { return f.gate(ctx) }
	f.close = func() error { f.closed.Store(true); return nil }
	f.stall = func() func() {
		gate := make(chan struct{})
		d.mu.Lock()
		d.stalled = gate
		d.mu.Unlock()
		return func() {
			d.mu.Lock()
			d.stalled = nil
			d.mu.Unlock()
			close(gate)
		}
	}
	return f
}

// gate is what every call passes first. Flaws of closing and of contexts go
// round it.
func (f *fake) gate(ctx context.Context) error {
	if f.store != nil {
		return f.store.gate(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.closed.Load() {
		return fmt.Errorf("fake: closed: %w", kit.ErrUnavailable)
	}
	if f.queue != nil {
		defer f.queue()()
	}
	f.mu.Lock()
	stalled := f.stalled
	f.mu.Unlock()
	if stalled != nil {
		select {
		case <-stalled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// instead lets a write answer otherwise than it would.
func instead[R any](write *func(context.Context, R) error, of, answer error) {
	next := *write
	*write = func(ctx context.Context, r R) error {
		if err := next(ctx, r); !errors.Is(err, of) {
			return err
		}
		return answer
	}
}

// insteadOf is the same for a read by one key, and after changes what it finds.
func insteadOf[R any](read *func(context.Context, string) (R, error), of, answer error) {
	next := *read
	*read = func(ctx context.Context, key string) (R, error) {
		r, err := next(ctx, key)
		if errors.Is(err, of) {
			err = answer
		}
		return r, err
	}
}

func after[R any](read *func(context.Context, string) (R, error), change func(r *R)) {
	next := *read
	*read = func(ctx context.Context, key string) (R, error) {
		r, err := next(ctx, key)
		if err == nil {
			change(&r)
		}
		return r, err
	}
}

// withOld lets an Update write what change makes of the new and the old record, and
// withOldToken is the same for tokens.
func (f *fake) withOld(change func(u *kit.User, old kit.User)) {
	update := f.update
	f.update = func(ctx context.Context, u kit.User) error {
		if old, err := f.users.ByID(ctx, u.ID); err == nil {
			change(&u, old)
		}
		return update(ctx, u)
	}
}

func (f *fake) withOldToken(change func(t *kit.Token, old kit.Token)) {
	update := f.updateToken
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		if old, err := f.tokens.ByID(ctx, t.ID); err == nil {
			change(&t, old)
		}
		return update(ctx, t)
	}
}

// first puts a check before a write, firstRead before a read by one key.
func first[R any](write *func(context.Context, R) error, check func(context.Context) error) {
	next := *write
	*write = func(ctx context.Context, r R) error {
		if err := check(ctx); err != nil {
			return err
		}
		return next(ctx, r)
	}
}

func firstRead[R any](read *func(context.Context, string) (R, error), check func(context.Context) error) {
	next := *read
	*read = func(ctx context.Context, key string) (r R, err error) {
		if err := check(ctx); err != nil {
			return r, err
		}
		return next(ctx, key)
	}
}

// guarded puts the gate before every method. It is applied first, so that what a
// flaw replaces it replaces whole.
func (f *fake) guarded() *fake {
	first(&f.create, f.gate)
	firstRead(&f.byID, f.gate)
	firstRead(&f.byEmail, f.gate)
	first(&f.update, f.gate)
	first(&f.remove, f.gate)
	first(&f.createToken, f.gate)
	firstRead(&f.tokenByID, f.gate)
	first(&f.updateToken, f.gate)
	first(&f.removeToken, f.gate)
	byUser, deleteExpired, list, listAll := f.byUser, f.deleteExpired, f.list, f.listAll
	f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
		if err := f.gate(ctx); err != nil {
			return nil, err
		}
		return list(ctx, prefix, after, limit)
	}
	f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
		if err := f.gate(ctx); err != nil {
			return nil, err
		}
		return listAll(ctx, after, limit)
	}
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		if err := f.gate(ctx); err != nil {
			return nil, err
		}
		return byUser(ctx, userID, after, limit)
	}
	f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
		if err := f.gate(ctx); err != nil {
			return 0, err
		}
		return deleteExpired(ctx, before, limit)
	}
	if f.other != nil {
		f.other.guarded()
	}
	return f
}

// everyError replaces the error of every method.
func (f *fake) everyError(change func(ctx context.Context, err error) error) {
	f.userErrors(change)
	f.tokenErrors(change)
}

func (f *fake) userErrors(change func(ctx context.Context, err error) error) {
	create, byID, byEmail, update, remove, list, listAll := f.create, f.byID, f.byEmail, f.update, f.remove, f.list, f.listAll
	f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
		users, err := list(ctx, prefix, after, limit)
		return users, change(ctx, err)
	}
	f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
		users, err := listAll(ctx, after, limit)
		return users, change(ctx, err)
	}
	f.create = func(ctx context.Context, u kit.User) error { return change(ctx, create(ctx, u)) }
	f.byID = func(ctx context.Context, id string) (kit.User, error) {
		u, err := byID(ctx, id)
		return u, change(ctx, err)
	}
	f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
		u, err := byEmail(ctx, email)
		return u, change(ctx, err)
	}
	f.update = func(ctx context.Context, u kit.User) error { return change(ctx, update(ctx, u)) }
	f.remove = func(ctx context.Context, id string) error { return change(ctx, remove(ctx, id)) }
}

func (f *fake) tokenErrors(change func(ctx context.Context, err error) error) {
	create, byID, update, remove, byUser, deleteExpired := f.createToken, f.tokenByID, f.updateToken, f.removeToken, f.byUser, f.deleteExpired
	f.createToken = func(ctx context.Context, t kit.Token) error { return change(ctx, create(ctx, t)) }
	f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
		t, err := byID(ctx, id)
		return t, change(ctx, err)
	}
	f.updateToken = func(ctx context.Context, t kit.Token) error { return change(ctx, update(ctx, t)) }
	f.removeToken = func(ctx context.Context, at idAt) error { return change(ctx, remove(ctx, at)) }
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		list, err := byUser(ctx, userID, after, limit)
		return list, change(ctx, err)
	}
	f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
		n, err := deleteExpired(ctx, before, limit)
		return n, change(ctx, err)
	}
}

// userIn changes every user on its way in, userOut on its way out.
func (f *fake) userIn(change func(*kit.User)) {
	create, update := f.create, f.update
	f.create = func(ctx context.Context, u kit.User) error { u = u.Clone(); change(&u); return create(ctx, u) }
	f.update = func(ctx context.Context, u kit.User) error { u = u.Clone(); change(&u); return update(ctx, u) }
}

func (f *fake) userOut(change func(*kit.User)) {
	after(&f.byID, change)
	after(&f.byEmail, change)
	f.listOut(func(list []kit.User) []kit.User {
		for i := range list {
			change(&list[i])
		}
		return list
	})
}

// listOut changes the lists of users.
func (f *fake) listOut(change func([]kit.User) []kit.User) {
	list, listAll := f.list, f.listAll
	f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
		users, err := list(ctx, prefix, after, limit)
		return change(users), err
	}
	f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
		users, err := listAll(ctx, after, limit)
		return change(users), err
	}
}

// tokenIn changes every token on its way in, tokenOut on its way out.
func (f *fake) tokenIn(change func(*kit.Token)) {
	create, update := f.createToken, f.updateToken
	f.createToken = func(ctx context.Context, t kit.Token) error { t = t.Clone(); change(&t); return create(ctx, t) }
	f.updateToken = func(ctx context.Context, t kit.Token) error { t = t.Clone(); change(&t); return update(ctx, t) }
}

func (f *fake) tokenOut(change func(*kit.Token)) {
	after(&f.tokenByID, change)
	byUser := f.byUser
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		list, err := byUser(ctx, userID, after, limit)
		for i := range list {
			change(&list[i])
		}
		return list, err
	}
}

// allTokens reads every token of a user, past any limit.
func (f *fake) allTokens(userID string) []kit.Token {
	var all []kit.Token
	for after := ""; ; {
		list, err := f.tokens.ByUser(context.Background(), userID, after, 1000)
		if err != nil || len(list) == 0 {
			return all
		}
		all = append(all, list...)
		after = list[len(list)-1].ID
	}
}

// fakeUsers and fakeTokens give a fake the methods of the contracts.
type (
	fakeUsers  struct{ f *fake }
	fakeTokens struct{ f *fake }
)

func (s fakeUsers) Create(ctx context.Context, u kit.User) error { return s.f.create(ctx, u) }
func (s fakeUsers) ByID(ctx context.Context, id string) (kit.User, error) {
	return s.f.byID(ctx, id)
}
func (s fakeUsers) ByEmail(ctx context.Context, email string) (kit.User, error) {
	return s.f.byEmail(ctx, email)
}
func (s fakeUsers) Update(ctx context.Context, u kit.User) error { return s.f.update(ctx, u) }
func (s fakeUsers) Delete(ctx context.Context, id string) error  { return s.f.remove(ctx, id) }
func (s fakeUsers) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	return s.f.listAll(ctx, after, limit)
}
func (s fakeUsers) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	return s.f.list(ctx, prefix, after, limit)
}
func (s fakeUsers) Ping(ctx context.Context) error { return s.f.ping(ctx) }

func (s fakeTokens) Create(ctx context.Context, t kit.Token) error { return s.f.createToken(ctx, t) }
func (s fakeTokens) ByID(ctx context.Context, id string) (kit.Token, error) {
	return s.f.tokenByID(ctx, id)
}
func (s fakeTokens) WithOwner(users kit.UserStore) func(context.Context, string) (kit.Token, kit.User, error) {
	if !s.f.isOwner(users) {
		return nil
	}
	return func(ctx context.Context, id string) (kit.Token, kit.User, error) { return s.f.withOwner(ctx, id) }
}
func (s fakeTokens) Update(ctx context.Context, t kit.Token) error { return s.f.updateToken(ctx, t) }
func (s fakeTokens) Delete(ctx context.Context, id string, version int64) error {
	return s.f.removeToken(ctx, idAt{id, version})
}
func (s fakeTokens) ByUser(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
	return s.f.byUser(ctx, userID, after, limit)
}
func (s fakeTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.f.deleteExpired(ctx, before, limit)
}
func (s fakeTokens) Ping(ctx context.Context) error { return s.f.pingTokens(ctx) }

// stores returns what the suite is given.
func (f *fake) stores() Stores {
	return Stores{
		Stores: kit.Stores{Users: fakeUsers{f}, Tokens: fakeTokens{f}, Credentials: fakeTokens{f.other}},
		Close:  func() error { return f.close() },
		Stall:  func() func() { return f.stall() },
		Newer: func(table, id string) error {
			of := f
			if table == f.other.table {
				of = f.other
			}
			of.flag("newer "+table+" "+id, true)
			if t, err := of.tokens.ByID(context.Background(), id); err == nil && table != "users" {
				of.drop(id)
				t.ExpiresAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) // out of the way of purges
				return of.tokens.Create(context.Background(), t)
			}
			return nil
		},
	}
}

// fakeConfig returns the configuration under which a fake with one alteration
// runs. Nil stands for none: the fake is then correct.
func fakeConfig(alter func(*fake)) Config {
	opened := func(f *fake) Stores {
		f.guarded()
		if alter != nil {
			alter(f)
		}
		return f.stores()
	}
	return Config{
		New: func(testing.TB) Open {
			d := newDataset()
			return func(testing.TB) Stores { return opened(newFake(d)) }
		},
		Network: func(tb testing.TB, n *Network) Open {
			d, server := newDataset(), newWireServer(tb)
			return func(testing.TB) Stores {
				f := newFake(d)
				f.overWire(newWire(server, n.DialContext))
				return opened(f)
			}
		},
		timeout: 30 * time.Second,
		Soon:    time.Second,
	}
}

// yield lets other goroutines run: what is not atomic comes apart here.
func yield() {
	for range 20 {
		runtime.Gosched()
	}
}

func isNotFound(err error) bool { return errors.Is(err, kit.ErrNotFound) }
