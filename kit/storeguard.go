package kit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit/internal/outage"
	"myauth.internal/kit/internal/timeout"
)

// storeGuard stands between the Service and one of the caller's stores. It gives each call
// a deadline, classifies each error, counts and logs outages, and tells the tracers, so that no use
// case has to.
type storeGuard struct {
	timeout *timeout.Timeout
	purge   *timeout.Timeout // that of a batch of a thousand deletes, which is more work than any other call
	outage  *outage.Watch
	names   [numStoreOps]string // such as "users.ByEmail", of traces and errors
	tracing *tracing            // nil without a tracer
}

// storeOp is a method of a store.
type storeOp int

const (
	opCreate storeOp = iota
	opByID
	opByEmail
	opByUser
	opWithOwner
	opUpdate
	opDelete
	opDeleteExpired
	opList
	opListByEmail
	opPing
	numStoreOps
)

var storeMethods = [numStoreOps]string{"Create", "ByID", "ByEmail", "ByUser", "WithOwner", "Update", "Delete", "DeleteExpired", "List", "ListByEmail", "Ping"}

func newStoreGuard(store string, o *Options) *storeGuard {
	g := &storeGuard{timeout: timeout.New(o.StoreTimeout), purge: timeout.New(10 * o.StoreTimeout), outage: outage.New(store, o.Logger, o.Now)}
	for op, method := range storeMethods {
		g.names[op] = store + "." + method
	}
	return g
}

// do makes one call of the store.
func (g *storeGuard) do(ctx context.Context, op storeOp, call func(context.Context) error) error {
	_, err := ask(ctx, g, g.timeout, op, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}

// ask makes one call that returns a value.
func ask[T any](ctx context.Context, g *storeGuard, limit *timeout.Timeout, op storeOp, call func(context.Context) (T, error)) (value T, err error) {
	if g.tracing == nil {
		return askUntraced(ctx, g, limit, op, call)
	}
	inner, span := g.tracing.begin(ctx, Operation{OperationStore, g.names[op]})
	var outcome string
	defer span.end(ctx, &outcome)
	value, err = askUntraced(inner, g, limit, op, call)
	outcome = storeOutcome(err)
	return value, err
}

func askUntraced[T any](ctx context.Context, g *storeGuard, limit *timeout.Timeout, op storeOp, call func(context.Context) (T, error)) (T, error) {
	failures := g.outage.Failures()
	limited := limit.Begin(ctx)
	defer limited.End()
	value, err := call(limited)
	err = storeError(ctx, g.names[op], err)
	switch {
	case err == nil, isAnswer(err):
		g.outage.Answered(ctx, failures)
	case errors.Is(err, ErrUnavailable):
		g.outage.Failed(ctx, err)
	}
	return value, err
}

// isAnswer reports whether err is a refusal of the store contract.
func isAnswer(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) || errors.Is(err, ErrUserExists)
}

// storeError classifies what a store returned. ctx is the caller's context, without the
// deadline that the guard added.
func storeError(ctx context.Context, op string, err error) error {
	switch {
	case err == nil, isAnswer(err):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("kit: %s: %w", op, ctx.Err())
	case errors.Is(err, ErrUnavailable):
		return fmt.Errorf("kit: %s: %w", op, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("kit: %s: %w: no answer in time: %w", op, ErrUnavailable, err)
	default:
		return fmt.Errorf("kit: %s: %w", op, err)
	}
}

func (g *storeGuard) ping(ctx context.Context, store any) error {
	if p, ok := store.(Pinger); ok {
		return g.do(ctx, opPing, p.Ping)
	}
	return nil
}

type guardedUsers struct {
	*storeGuard
	store UserStore
}

func (g guardedUsers) Create(ctx context.Context, u User) error {
	return g.do(ctx, opCreate, func(ctx context.Context) error { return g.store.Create(ctx, u) })
}

func (g guardedUsers) ByID(ctx context.Context, id string) (User, error) {
	return ask(ctx, g.storeGuard, g.timeout, opByID, func(ctx context.Context) (User, error) { return g.store.ByID(ctx, id) })
}

func (g guardedUsers) ByEmail(ctx context.Context, email string) (User, error) {
	return ask(ctx, g.storeGuard, g.timeout, opByEmail, func(ctx context.Context) (User, error) { return g.store.ByEmail(ctx, email) })
}

func (g guardedUsers) Update(ctx context.Context, u User) error {
	return g.do(ctx, opUpdate, func(ctx context.Context) error { return g.store.Update(ctx, u) })
}

func (g guardedUsers) Delete(ctx context.Context, id string) error {
	return g.do(ctx, opDelete, func(ctx context.Context) error { return g.store.Delete(ctx, id) })
}

func (g guardedUsers) Ping(ctx context.Context) error { return g.ping(ctx, g.store) }

type guardedTokens struct {
	*storeGuard
	store     TokenStore
	withOwner func(ctx context.Context, tokenID string) (Token, User, error) // nil: it takes two calls
}

// of returns g over a store that is beside that of users.
func (g guardedTokens) of(store TokenStore, users UserStore) guardedTokens {
	g.store, g.withOwner = store, nil
	if o, ok := store.(OwnedTokenStore); ok {
		g.withOwner = o.WithOwner(users)
	}
	return g
}

// checkData refuses what one store may keep and another not.
func checkData(t Token) error {
	if len(t.Data) > MaxTokenData {
		return fmt.Errorf("kit: the data of a record has %d bytes: at most %d", len(t.Data), MaxTokenData)
	}
	return nil
}

func (g guardedTokens) Create(ctx context.Context, t Token) error {
	if err := checkData(t); err != nil {
		return err
	}
	return g.do(ctx, opCreate, func(ctx context.Context) error { return g.store.Create(ctx, t) })
}

func (g guardedTokens) ByID(ctx context.Context, id string) (Token, error) {
	return ask(ctx, g.storeGuard, g.timeout, opByID, func(ctx context.Context) (Token, error) { return g.store.ByID(ctx, id) })
}

// owned is a token with its user.
type owned struct {
	token Token
	user  User // the zero User: it was not read
}

// WithOwner returns a token, and its user too if the store reads both at once.
func (g guardedTokens) WithOwner(ctx context.Context, id string) (o owned, err error) {
	if g.withOwner != nil {
		o, err = ask(ctx, g.storeGuard, g.timeout, opWithOwner, func(ctx context.Context) (o owned, err error) {
			o.token, o.user, err = g.withOwner(ctx, id)
			return o, err
		})
		if !errors.Is(err, ErrNotFound) {
			return o, err
		}
	}
	o.token, err = g.ByID(ctx, id) // which says which of the two is not there
	return o, err
}

func (g guardedTokens) Update(ctx context.Context, t Token) error {
	if err := checkData(t); err != nil {
		return err
	}
	return g.do(ctx, opUpdate, func(ctx context.Context) error { return g.store.Update(ctx, t) })
}

func (g guardedTokens) Delete(ctx context.Context, id string, version int64) error {
	return g.do(ctx, opDelete, func(ctx context.Context) error { return g.store.Delete(ctx, id, version) })
}

func (g guardedTokens) ByUser(ctx context.Context, userID, after string, limit int) ([]Token, error) {
	return ask(ctx, g.storeGuard, g.timeout, opByUser, func(ctx context.Context) ([]Token, error) { return g.store.ByUser(ctx, userID, after, limit) })
}

func (g guardedTokens) DeleteExpired(ctx context.Context, before time.Time, limit int) (int, error) {
	return ask(ctx, g.storeGuard, g.purge, opDeleteExpired, func(ctx context.Context) (int, error) { return g.store.DeleteExpired(ctx, before, limit) })
}

func (g guardedTokens) Ping(ctx context.Context) error { return g.ping(ctx, g.store) }
