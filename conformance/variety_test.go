package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// TestCorrectStoresPass runs the whole suite against stores that differ in what
// the contract leaves open. None may fail, and no case may be skipped.
func TestCorrectStoresPass(t *testing.T) {
	t.Parallel()
	rules := allRules()
	for name, alter := range map[string]func(f *fake){
		"as the contract is read": nil,
		"empty slices for nil ones": func(f *fake) {
			f.userOut(func(u *kit.User) {
				u.Roles, u.Settings = append([]string{}, u.Roles...), append(json.RawMessage{}, u.Settings...)
				u.Factors, u.Private = append([]string{}, u.Factors...), append(json.RawMessage{}, u.Private...)
			})
			f.tokenOut(func(t *kit.Token) {
				t.SecretHash, t.PreviousHash, t.Salt = append([]byte{}, t.SecretHash...), append([]byte{}, t.PreviousHash...), append([]byte{}, t.Salt...)
				t.Data = append([]byte{}, t.Data...)
			})
			f.byUser = nonNil(f.byUser)
		},
		"nil for empty slices": func(f *fake) {
			f.userOut(func(u *kit.User) {
				if len(u.Roles) == 0 {
					u.Roles = nil
				}
				if len(u.Settings) == 0 {
					u.Settings = nil
				}
			})
		},
		"wrapped errors": func(f *fake) {
			f.everyError(func(_ context.Context, err error) error {
				if err != nil {
					err = fmt.Errorf("driver: statement failed: %w", err)
				}
				return err
			})
		},
		"ErrUnavailable for a context that is done": func(f *fake) {
			f.everyError(func(ctx context.Context, err error) error {
				if ctx.Err() != nil && err != nil {
					return fmt.Errorf("%w: the call was given up", kit.ErrUnavailable)
				}
				return err
			})
		},
		"the cause of a context": func(f *fake) {
			f.everyError(func(ctx context.Context, err error) error {
				if ctx.Err() != nil && err != nil {
					return context.Cause(ctx)
				}
				return err
			})
		},
		"an error for a write that happened": func(f *fake) {
			f.everyError(func(ctx context.Context, err error) error {
				if err == nil && ctx.Err() != nil {
					return ctx.Err()
				}
				return err
			})
		},
		"times cut to a microsecond":     func(f *fake) { f.timesBy(func(t time.Time) time.Time { return t.Truncate(time.Microsecond) }) },
		"times rounded to a microsecond": func(f *fake) { f.timesBy(func(t time.Time) time.Time { return t.Round(time.Microsecond) }) },
		"the address before the Version": addressFirst,
		"an identity that is refused":    refuseIdentity,
		"handles that are slow":          slow,
		"one Close for all the handles":  func(f *fake) { f.close = func() error { return f.mem.Close() }; f.gone() },
		"reads that go on while stalled": func(f *fake) {
			f.byID = func(ctx context.Context, id string) (kit.User, error) { return f.readStalled(ctx, id) }
		},
		"reads that are tried again":                 readAgain,
		"no user at an address whose user is moving": giveUpOnMoves,
		afterLoss: func(f *fake) {
			if f.wire != nil {
				f.wire.grudge = 20 * time.Millisecond
			}
		},
		inAMood: func(f *fake) {
			f.everyError(func(_ context.Context, err error) error {
				if rand.IntN(2000) == 0 {
					return fmt.Errorf("deadlock found: %w", kit.ErrUnavailable)
				}
				return err
			})
		},
		"slices with room behind the end": func(f *fake) {
			f.userOut(func(u *kit.User) { *u = roomy(&user{*u}).User })
			f.tokenOut(func(t *kit.Token) { *t = roomy(&token{*t}).Token })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := fakeConfig(alter).check()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rules {
				if r.alone && alter != nil && name != inAMood && name != "handles that are slow" {
					continue // each takes its time
				}
				if r.long && (testing.Short() || alter != nil && name != inAMood) {
					continue
				}
				if name == inAMood && slices.ContainsFunc(r.needs, unreaches) || name == afterLoss && !slices.Contains(r.needs, Networking) {
					continue // there it shows, or there it does not
				}
				if slices.Contains(r.needs, Networking) && alter != nil && name != "wrapped errors" && name != "reads that are tried again" && name != afterLoss {
					continue // they differ in what the network makes of it
				}
				if strings.HasPrefix(r.id, "together/") && alter != nil && name != "wrapped errors" && name != "empty slices for nil ones" && name != afterLoss && name != inAMood {
					continue // they hash passwords, which takes its time
				}
				if name == "one Close for all the handles" && len(r.needs) > 1 {
					continue // nothing is left to open again
				}
				cfg := cfg
				// Half of Soon is how long the stall that ends by itself takes.
				if slices.Contains(r.needs, Networking) || slices.Contains(r.needs, Stalling) && !strings.HasSuffix(r.id, "/stall-that-ends") {
					cfg.Soon = 10 * time.Second // only a fault of the store needs as long
				}
				out := (&suite{cfg: cfg}).execute(t, r)
				for _, failure := range out.failures {
					t.Error(failure)
				}
				if out.skipped != "" {
					t.Errorf("skipped: %s", out.skipped)
				}
			}
		})
	}
}

// Stores that are right and refuse now and then.
const (
	afterLoss = "refusals for a moment after an answer was lost"
	inAMood   = "a refusal once in a while, of what has happened all the same"
)

// nonNil lets ByUser return an empty slice rather than nil.
func nonNil(byUser func(context.Context, string, string, int) ([]kit.Token, error)) func(context.Context, string, string, int) ([]kit.Token, error) {
	return func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		list, err := byUser(ctx, userID, after, limit)
		if err == nil && len(list) == 0 {
			list = []kit.Token{}
		}
		return list, err
	}
}

// timesBy keeps times at a precision of the store's own.
func (f *fake) timesBy(change func(time.Time) time.Time) {
	f.userIn(func(u *kit.User) { u.CreatedAt, u.UpdatedAt = change(u.CreatedAt), change(u.UpdatedAt) })
	f.tokenIn(func(t *kit.Token) {
		t.CreatedAt, t.RotatedAt, t.ExpiresAt, t.RevokedAt = change(t.CreatedAt), change(t.RotatedAt), change(t.ExpiresAt), change(t.RevokedAt)
	})
}

// addressFirst answers an Update that is stale and wants a taken address with
// the second of the two errors that hold.
func addressFirst(f *fake) {
	update := f.update
	f.update = func(ctx context.Context, u kit.User) error {
		err := update(ctx, u)
		if errors.Is(err, kit.ErrConflict) {
			if owner, find := f.users.ByEmail(ctx, u.Email); find == nil && owner.ID != u.ID {
				return kit.ErrUserExists
			}
		}
		return err
	}
}

// refuseIdentity answers an Update with another UserID or Type with an error.
func refuseIdentity(f *fake) {
	update := f.updateToken
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		if old, err := f.tokens.ByID(ctx, t.ID); err == nil && (old.UserID != t.UserID || old.Type != t.Type) {
			return errors.New("UserID and Type of a token cannot change")
		}
		return update(ctx, t)
	}
}

// slow lets other goroutines run before and after each call.
func slow(f *fake) {
	f.everyError(func(_ context.Context, err error) error { yield(); return err })
}

// giveUpOnMoves looks up whose an address is, reads that user, and answers
// ErrNotFound when that one has moved meanwhile: at some time of the call the
// address was no user's.
func giveUpOnMoves(f *fake) {
	byEmail := f.byEmail
	f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
		owner, err := byEmail(ctx, email)
		if err != nil {
			return kit.User{}, err
		}
		yield()
		u, err := f.byID(ctx, owner.ID)
		if err == nil && kit.EmailKey(u.Email) != kit.EmailKey(email) {
			return kit.User{}, kit.ErrNotFound
		}
		return u, err
	}
}

// gone lets closed memory answer as any closed store does.
func (f *fake) gone() {
	f.ping = func(ctx context.Context) error { return f.users.Ping(ctx) }
	f.pingTokens = func(ctx context.Context) error { return f.tokens.Ping(ctx) }
}

// readAgain repeats every read once whose answer was lost, which does no harm.
func readAgain(f *fake) {
	lost := func(ctx context.Context, err error) bool {
		return errors.Is(err, kit.ErrUnavailable) && ctx.Err() == nil
	}
	byID, byEmail, tokenByID, byUser := f.byID, f.byEmail, f.tokenByID, f.byUser
	f.byID = func(ctx context.Context, id string) (kit.User, error) {
		u, err := byID(ctx, id)
		if lost(ctx, err) {
			return byID(ctx, id)
		}
		return u, err
	}
	f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
		u, err := byEmail(ctx, email)
		if lost(ctx, err) {
			return byEmail(ctx, email)
		}
		return u, err
	}
	f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
		t, err := tokenByID(ctx, id)
		if lost(ctx, err) {
			return tokenByID(ctx, id)
		}
		return t, err
	}
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		list, err := byUser(ctx, userID, after, limit)
		if lost(ctx, err) {
			return byUser(ctx, userID, after, limit)
		}
		return list, err
	}
}

// readStalled reads without waiting for a stall to end.
func (f *fake) readStalled(ctx context.Context, id string) (kit.User, error) {
	if f.closed.Load() {
		return kit.User{}, kit.ErrUnavailable
	}
	if err := f.isNewer("users", id); err != nil {
		return kit.User{}, err
	}
	return f.users.ByID(ctx, id)
}

// roomy returns r with room behind the ends of its slices.
func roomy[R record](r R) R { makeRoom(r); return r }
