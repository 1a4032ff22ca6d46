package throttle

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"myauth.internal/kit/internal/turns"
)

// Options are the optional settings of [New]. nil means the defaults.
type Options struct {
	// Shared is where several instances count together, such as package shared over a
	// TokenStore, or that of drivers/redis. nil: each counts for itself, in memory. While Shared
	// does not answer, each instance counts for itself too.
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
		t.shared = &sharedBuckets{buckets: opts.Shared, logger: opts.Logger}
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
}

// nameOf returns what an attempt is counted as; without a rule: nothing.
func nameOf(a Attempt) name {
	switch a.Action {
	case ActionRegister, ActionRefresh, ActionPasswordResetRequest, ActionPasswordReset, ActionVerifyEmailRequest, ActionVerifyEmail, ActionDenyEmail, ActionEmailChange:
		return name{} // secrets of 256 bits, or mails, which have a rule of their own
	case ActionMail:
		return name{&mailboxes, a.MailKind + "\x00" + a.EmailKey, 0}
	case ActionFactorChallenge, ActionEmailChangeRequest:
		return name{&prompts, string(a.Action) + "\x00" + a.UserID, 0}
	case ActionFactor:
		return name{&guesses, "factor\x00" + a.UserID + "\x00" + a.Device, stopAfter}
	}
	n := name{rule: &guesses}
	if a.Recoverable {
		n.stop = stopAfter
	}
	switch {
	case a.Device != "":
		n.text = "device\x00" + a.Device
	case a.Action == ActionLogin && a.EmailKey != "":
		n.text = "address\x00" + a.EmailKey
	case a.Action != ActionLogin && a.UserID+a.EmailKey != "":
		n.text = string(a.Action) + "\x00" + a.UserID + "\x00" + a.EmailKey
	default:
		return name{} // no account has it
	}
	return n
}

// sourceOf returns what the attempt's source is counted as.
func sourceOf(a Attempt) name {
	switch {
	case !a.IP.IsValid(), a.Device != "", a.Action == ActionMail, a.Action == ActionFactorChallenge, a.Action == ActionEmailChangeRequest:
		return name{}
	}
	return name{&sources, turns.SourceOf(a.IP).String(), 0}
}

// Begin counts an attempt, or returns a [LimitError].
func (t *Throttle) Begin(ctx context.Context, a Attempt) (Charge, error) {
	key := nameOf(a)
	if key.rule == nil && a.Action != ActionLogin {
		return nil, nil
	}
	c := &charge{of: t, attempt: a, key: key, source: sourceOf(a)}
	now := a.Time.UnixMicro()
	if c.source.rule != nil {
		var wait time.Duration
		if err := t.change(ctx, a, c.source, func(b *bucket, key uint64) bool {
			wait = b.wait(c.source.rule, b.find(key), 0, now)
			return false
		}); err != nil {
			return nil, err
		}
		if wait > 0 {
			return nil, &LimitError{RetryAfter: wait}
		}
	}
	if c.key.rule == nil {
		return c, nil
	}
	if err := t.change(ctx, a, c.key, func(b *bucket, key uint64) bool {
		c.got = b.take(c.key.rule, key, a.Guess, c.key.stop, now)
		return c.got.wait == 0
	}); err != nil {
		return nil, err
	}
	if c.got.wait > 0 {
		return nil, &LimitError{RetryAfter: c.got.wait}
	}
	if c.key.rule != &guesses {
		return nil, nil // it stays counted, whatever becomes of it
	}
	return c, nil
}

// Clear forgets the row of wrong guesses of strangers: by EmailKey with [ActionLogin], by UserID
// with [ActionFactor]; or the mails of MailKind to EmailKey with [ActionMail].
func (t *Throttle) Clear(ctx context.Context, a Attempt) {
	if n := nameOf(a); n.rule != nil {
		t.forget(ctx, a, n)
	}
}

func (t *Throttle) forget(ctx context.Context, a Attempt, n name) {
	_ = t.change(ctx, a, n, func(b *bucket, key uint64) bool {
		e := b.find(key)
		if e == nil || e.level == 0 {
			return false
		}
		b.clear(key)
		return true
	})
}

// charge is an attempt that Throttle let through.
type charge struct {
	of          *Throttle
	attempt     Attempt
	key, source name
	got         receipt
}

// Failures is how many wrong guesses in a row strangers have made at the account, if this is
// one more; zero for an attempt that was not counted, or not as a stranger's.
func (c *charge) Failures() int {
	if c.attempt.Device != "" {
		return 0
	}
	return int(c.got.count)
}

// Done ends the row after a right guess, and counts a wrong one against its source.
func (c *charge) Done(ctx context.Context, o Outcome) {
	t, a := c.of, c.attempt
	now := a.Time.UnixMicro()
	switch {
	case o == Succeeded && c.key.rule != nil:
		t.forget(ctx, a, c.key)
		if a.Device != "" && a.Action != ActionFactor {
			a.Action, a.Device = ActionLogin, ""
			t.Clear(ctx, a) // the owner is there: strangers begin anew
		}
	case o == Refunded && c.key.rule != nil && c.got.count > 0:
		_ = t.change(ctx, a, c.key, func(b *bucket, key uint64) bool {
			b.giveBack(key, a.Guess, c.got)
			return true
		})
	case o == Failed && c.source.rule != nil:
		_ = t.change(ctx, a, c.source, func(b *bucket, key uint64) bool {
			return b.take(c.source.rule, key, a.Guess, 0, now).count > 0
		})
	}
}

// change changes the bucket of a name: where instances count together, or, while that does not
// answer, in memory. change may be called more than once.
func (t *Throttle) change(ctx context.Context, a Attempt, n name, change func(b *bucket, key uint64) bool) error {
	if t.shared != nil {
		err := t.shared.change(ctx, a.Time, n, change)
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	t.own.change(n, change)
	return nil
}

// seed is the secret that the hash of names depends on, so that nobody can choose addresses
// that share a bucket.
type seed [32]byte

// locate returns the number of the bucket of a name, and its key in there.
func (s *seed) locate(n name) (bucket int, key uint64) {
	buf := make([]byte, 0, 512)
	buf = append(buf, s[:]...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(n.rule.first))
	buf = append(buf, n.text...)
	sum := sha256.Sum256(buf)
	return n.rule.first + int(binary.BigEndian.Uint16(sum[8:]))%n.rule.buckets, max(1, binary.BigEndian.Uint64(sum[:]))
}

// memory has the buckets of one instance.
type memory struct {
	seed seed

	mu      sync.Mutex
	buckets []bucket
}

func newMemory() *memory {
	m := &memory{buckets: make([]bucket, NumBuckets)}
	rand.Read(m.seed[:])
	return m
}

func (m *memory) change(n name, change func(*bucket, uint64) bool) {
	number, key := m.seed.locate(n)
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.buckets[number], key)
}
