package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"time"
)

// DefaultCost is the default cost of bcrypt: 2^12 rounds, about a quarter of a second on
// one processor of 2026.
const DefaultCost = 12

// Options are the options of [NewHasher]. Zero values mean the defaults.
type Options struct {
	// Cost is bcrypt's cost, 4 to 16; default [DefaultCost]. Under 10 is for tests.
	Cost int
	// MaxConcurrent is how many hashes are computed at once; default GOMAXPROCS-1,
	// at least 1, so that a processor is left for everything else: Go's scheduler takes it
	// from a hash only every ten milliseconds. The operating system's does so at once. A
	// program that sets GOMAXPROCS to one more than it has processors therefore hashes on
	// all of them, and its requests do not wait.
	MaxConcurrent int
	// MaxQueue is how many calls may wait for their turn; default 64 for each
	// concurrent one.
	MaxQueue int
	// MaxWait is how long a call may wait for its turn; default 5 s.
	MaxWait time.Duration
	// Source returns the address of the client that a call belongs to. Calls that wait
	// take turns by source, an IPv4 address or an IPv6 /64, and a full queue refuses
	// from the source with the most calls in it, so one client cannot keep the others
	// out. Nil, or the zero Addr: all such calls are one source. Source must be
	// safe for concurrent use.
	Source func(context.Context) netip.Addr
}

// Hasher hashes and checks passwords, a bounded number of them at a time. It is safe for
// concurrent use.
type Hasher struct {
	cost  int
	gate  *gate
	dummy encoded // compared with where there is no hash to compare with
	// digest is bcryptDigest; tests watch its calls.
	digest func(ctx context.Context, key []byte, salt [saltSize]byte, rounds int) ([digestSize]byte, error)
}

// NewHasher returns a Hasher, or an error that names the option out of bounds. Nil
// options are the defaults. It computes no hash.
func NewHasher(opts *Options) (*Hasher, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Cost == 0 {
		o.Cost = DefaultCost
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if o.MaxQueue == 0 {
		o.MaxQueue = 64 * o.MaxConcurrent
	}
	if o.MaxWait == 0 {
		o.MaxWait = 5 * time.Second
	}
	switch {
	case o.Cost < minCost || o.Cost > maxCost:
		return nil, fmt.Errorf("password: Options.Cost is %d: it must be between %d and %d", o.Cost, minCost, maxCost)
	case o.MaxConcurrent < 0:
		return nil, errors.New("password: Options.MaxConcurrent is negative")
	case o.MaxQueue < 0:
		return nil, errors.New("password: Options.MaxQueue is negative")
	case o.MaxWait < 0:
		return nil, errors.New("password: Options.MaxWait is negative")
	}
	h := &Hasher{cost: o.Cost, gate: newGate(o.MaxConcurrent, o.MaxQueue, o.MaxWait, o.Source), digest: bcryptDigest}
	// Random bytes are the hash of a password that is not known, and cost nothing.
	h.dummy = encoded{scheme: plain, cost: o.Cost, salt: newSalt()}
	rand.Read(h.dummy.digest[:])
	return h, nil
}

func newSalt() (salt [saltSize]byte) {
	rand.Read(salt[:]) // never fails
	return salt
}

// Hash returns a hash of the password with a new salt: a $2b$ bcrypt string, which
// passlib and htpasswd read; for more than 72 bytes, or with a NUL, passlib's
// bcrypt_sha256, version 2. It does not check the rules for new passwords: see [Policy].
//
// Errors: [ErrBusy], or ctx's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	e := encoded{scheme: plain, cost: h.cost, salt: newSalt()}
	if !fitsPlain(password) {
		e.scheme = sha256v2
	}
	key, _ := e.key(password)
	if err := h.gate.enter(ctx); err != nil {
		return "", err
	}
	defer h.gate.leave()
	var err error
	if e.digest, err = h.digest(ctx, key, e.salt, 1<<e.cost); err != nil {
		return "", err
	}
	return e.text(), nil
}

// Match is what [Hasher.Verify] found.
type Match struct {
	// OK: it is the password.
	OK bool
	// NeedsRehash: it is, and the hash has another cost than the configured, or is
	// of passlib's first format, of Django or of WordPress. Hash the password again
	// and store that. A $2a$ or $2y$ alone is no reason: it is as good as $2b$.
	NeedsRehash bool
}

// Verify checks a password against a stored hash of a kind that [CheckHash] lists. A
// hash that is empty, corrupt, of another kind or of a cost over 16 matches nothing, after
// the same work as a comparison at the configured cost: so verify the empty hash when
// there is no such account. A password of more than 72 bytes, or with a NUL, matches no
// plain bcrypt hash, after the same work as a wrong one; so an account from software that
// cut such a password off needs a reset. Neither an error nor the time tells any of these
// from a wrong password. Only a mismatch with a hash of a higher cost than the configured
// one takes longer, and so reveals that the account exists until its owner has logged in:
// raise the cost, and do not lower it.
//
// Errors: [ErrBusy], or ctx's.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (Match, error) {
	e, readable := parse(hash)
	if !readable {
		e = h.dummy
	}
	key, whole := e.key(password)
	if err := h.gate.enter(ctx); err != nil {
		return Match{}, err
	}
	defer h.gate.leave()
	digest, err := h.digest(ctx, key, e.salt, 1<<e.cost)
	if err != nil {
		return Match{}, err
	}
	if subtle.ConstantTimeCompare(digest[:], e.digest[:]) == 1 && whole && readable {
		return Match{OK: true, NeedsRehash: e.cost != h.cost || !e.scheme.lasting()}, nil
	}
	if e.cost < h.cost {
		// A quicker answer would reveal that the account exists. A caller that leaves meanwhile
		// has made a wrong guess all the same.
		_, _ = h.digest(ctx, nil, h.dummy.salt, 1<<h.cost-1<<e.cost)
	}
	return Match{}, nil
}

// Stats returns how much hashing goes on, for metrics.
func (h *Hasher) Stats() Stats { return h.gate.stats() }

// Format writes the cost and nothing else, whatever the verb.
func (h *Hasher) Format(f fmt.State, _ rune) {
	io.WriteString(f, fmt.Sprintf("hasher of cost %d", h.cost))
}
