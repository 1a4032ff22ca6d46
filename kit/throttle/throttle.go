package throttle

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"myauth.internal/kit/internal/turns"
)

// Options are the optional settings of [New]. nil means the defaults.
type Options struct {
	// Shared is where several instances count together, such as package shared over a
	// TokenStore, or that of drivers/redis. nil: each counts for itself, in memory. While Shared
	// does not answer, each instance counts for itself, from the last that it has seen. The
	// others do not hear of that afterwards.
	Shared Buckets
	// Logger hears when Shared does not answer. Default slog.Default().
	Logger *slog.Logger
}

// Throttle is the [Limiter] that a kit.Service has by default: see the package comment. It is
// safe for concurrent use.
type Throttle struct {
	own    *memory
	shared *sharedBuckets // nil: none
}

// New returns a throttle that has counted nothing.
func New(opts *Options) *Throttle {
	if opts == nil {
		opts = &Options{}
	}
	t := &Throttle{own: newMemory()}
	if opts.Shared != nil {
		t.shared = &sharedBuckets{buckets: opts.Shared, logger: opts.Logger, own: t.own, lines: make([]line, NumBuckets)}
		if opts.Logger == nil {
			t.shared.logger = slog.Default()
		}
	}
	return t
}

// Format writes only the type's name, whatever the verb.
func (t *Throttle) Format(f fmt.State, _ rune) { io.WriteString(f, "throttle.Throttle") }

// name is what is counted: a rule and what its attempts have in common.
type name struct {
	rule *rule
	text string
	// stop is the count that refuses for good; zero: none.
	stop uint32
	// codes says that what is guessed changes with time: an equal guess is a new one then.
	codes bool
}

// nameOf returns what an attempt is counted as; without a rule: nothing.
func nameOf(a *Attempt) name {
	switch a.Action {
	case ActionMail:
		return name{rule: &mailboxes, text: a.MailKind + "\x00" + a.EmailKey}
	case ActionFactorChallenge, ActionEmailChangeRequest:
		return name{rule: &prompts, text: string(a.Action) + "\x00" + a.UserID}
	case ActionFactor:
		return name{rule: &proved, text: "factor\x00" + a.UserID + "\x00" + a.Device, stop: stopAfter, codes: true}
	}
	n := name{rule: &guesses}
	if a.Recoverable {
		n.stop = stopAfter
	}
	switch {
	case isFree(a.Action):
		return name{}
	case a.Device != "":
		n.rule, n.text = &proved, "device\x00"+a.Device
	case isPassword(a.Action) && a.EmailKey != "":
		n.text = "address\x00" + a.EmailKey
	case !isPassword(a.Action) && a.UserID+a.EmailKey != "":
		n.text = string(a.Action) + "\x00" + a.UserID + "\x00" + a.EmailKey
	default:
		return name{} // no account has it
	}
	return n
}

// isFree reports whether nothing is counted of an action of the core: it tries secrets of 256 bits,
// or sends mails, which have a rule of their own.
func isFree(a Action) bool {
	switch a {
	case ActionRegister, ActionRefresh, ActionPasswordResetRequest, ActionPasswordReset, ActionVerifyEmailRequest, ActionVerifyEmail, ActionDenyEmail, ActionEmailChange:
		return true
	}
	return false
}

// isPassword reports whether an action tries the password of an account: all of them have one
// row.
func isPassword(a Action) bool {
	return a == ActionLogin || a == ActionReauthenticate || a == ActionChangePassword
}

// sourceOf returns what the attempt's source is counted as.
func sourceOf(a *Attempt) name {
	switch {
	case !a.IP.IsValid(), a.Device != "", a.Action == ActionMail, a.Action == ActionFactorChallenge, a.Action == ActionEmailChangeRequest:
		return name{}
	}
	return name{rule: &sources, text: turns.SourceOf(a.IP).String()}
}

// Begin counts an attempt, or returns a [LimitError], or the error of a ctx that is done.
func (t *Throttle) Begin(ctx context.Context, a Attempt) (Charge, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("throttle: %w", err)
	}
	key := nameOf(&a)
	if isFree(a.Action) {
		return nil, nil
	}
	c := &charge{of: t, attempt: a, key: key, source: sourceOf(&a)}
	if wait := c.begin(ctx); wait > 0 {
		return nil, &LimitError{RetryAfter: wait}
	}
	if key.rule == &mailboxes || key.rule == &prompts {
		return nil, nil // it stays counted, whatever becomes of it
	}
	return c, nil
}

// begin counts an attempt, or returns how long it has to wait.
func (c *charge) begin(ctx context.Context) time.Duration {
	now, guess := c.attempt.Time.UnixMicro(), c.attempt.Guess
	if c.source.rule != nil {
		c.of.change(ctx, now, &c.source, func(b *bucket, key uint64) bool {
			c.bySource = receipt{wait: b.wait(&c.source, b.find(key), now)}
			if c.bySource.wait > 0 || b.free(&c.source, key, now) {
				return false // Done counts it, if it fails
			}
			c.bySource = b.take(&c.source, key, guess, now)
			return true
		})
		if c.bySource.wait > 0 {
			return c.bySource.wait
		}
	}
	if c.key.rule == nil {
		return 0
	}
	c.of.change(ctx, now, &c.key, func(b *bucket, key uint64) bool {
		c.byKey = b.take(&c.key, key, guess, now)
		return c.byKey.wait == 0
	})
	if c.byKey.wait > 0 {
		c.giveBack(ctx, &c.source, c.bySource)
	}
	return c.byKey.wait
}

// Clear forgets the row of wrong guesses of strangers: by EmailKey with [ActionLogin], by UserID
// with [ActionFactor]; or the mails of MailKind to EmailKey with [ActionMail].
func (t *Throttle) Clear(ctx context.Context, a Attempt) {
	if n := nameOf(&a); n.rule != nil {
		now := a.Time.UnixMicro()
		t.change(ctx, now, &n, func(b *bucket, key uint64) bool { return b.clear(&n, key, now) })
	}
}

// charge is an attempt that Throttle let through.
type charge struct {
	of              *Throttle
	attempt         Attempt
	key, source     name
	byKey, bySource receipt
}

// Failures is how many wrong guesses in a row strangers have made at the account, if this is
// one more; zero for an attempt that was not counted, or not as a stranger's.
func (c *charge) Failures() int {
	if c.attempt.Device != "" {
		return 0
	}
	return int(rounded(c.byKey.after.level))
}

// Done ends the row after a right guess, and counts a wrong one against its source.
func (c *charge) Done(ctx context.Context, o Outcome) {
	if o == Failed {
		if c.source.rule != nil && !c.bySource.counted() && !c.bySource.repeats && !c.byKey.repeats {
			now := c.attempt.Time.UnixMicro()
			c.of.change(ctx, now, &c.source, func(b *bucket, key uint64) bool {
				b.count(&sources, key, c.attempt.Guess, now)
				return true
			})
		}
		return
	}
	c.giveBack(ctx, &c.source, c.bySource)
	if o == Refunded {
		c.giveBack(ctx, &c.key, c.byKey)
		return
	}
	a := c.attempt
	c.of.Clear(ctx, a)
	if a.Device != "" && isPassword(a.Action) {
		a.Action, a.Device = ActionLogin, "" // the owner is there: strangers begin anew
		c.of.Clear(ctx, a)
	}
}

// giveBack undoes what was counted for a name.
func (c *charge) giveBack(ctx context.Context, n *name, got receipt) {
	if got.counted() {
		c.of.change(ctx, c.attempt.Time.UnixMicro(), n, func(b *bucket, _ uint64) bool { return b.giveBack(got) })
	}
}

// change changes the bucket of a name: where instances count together, or, while that does not
// answer, in memory. change may be called more than once; if it returns false, it has changed
// nothing.
func (t *Throttle) change(ctx context.Context, now int64, n *name, change func(b *bucket, key uint64) bool) {
	if t.shared == nil || t.shared.change(ctx, now, n, change) != nil {
		t.own.change(n, change)
	}
}
