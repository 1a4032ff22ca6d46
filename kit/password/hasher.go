package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"runtime"
	"time"
)

// DefaultCost is bcrypt's cost unless Options say otherwise: 2^12 rounds, about a
// quarter of a second on one processor of 2026.
const DefaultCost = 12

// Options are the settings of a [Hasher]; zero values mean the defaults.
type Options struct {
	// Cost is bcrypt's cost, 4 to 16; default [DefaultCost]. Under 10 is for tests.
	Cost int
	// MaxConcurrent is how many hashes are computed at once; default GOMAXPROCS-1,
	// at least 1, so that a processor is left for everything else.
	MaxConcurrent int
	// MaxQueue is how many calls may wait for their turn; default 64 for each
	// concurrent one.
	MaxQueue int
	// MaxWait is how long a call may wait; default 5 s.
	MaxWait time.Duration
}

// Hasher hashes and checks passwords, at most so many at a time. It is safe for
// concurrent use.
type Hasher struct {
	cost   int
	gate   *gate
	nobody encoded
	// digest is bcryptDigest; tests count its calls.
	digest func(key []byte, cost int, salt [saltSize]byte) [digestSize]byte
}

// NewHasher returns a Hasher, or an error that names the option out of bounds.
func NewHasher(o Options) (*Hasher, error) {
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
	case o.Cost < 4 || o.Cost > maxCost:
		return nil, fmt.Errorf("password: Options.Cost is %d: it must be between 4 and %d", o.Cost, maxCost)
	case o.MaxConcurrent < 1 || o.MaxQueue < 1 || o.MaxWait < 0:
		return nil, fmt.Errorf("password: Options.MaxConcurrent, MaxQueue and MaxWait must be positive")
	}
	h := &Hasher{cost: o.Cost, gate: newGate(o.MaxConcurrent, o.MaxQueue, o.MaxWait), digest: bcryptDigest}
	// Random bytes are a hash that no known password has, for nothing.
	h.nobody = newEncoded(plain, o.Cost)
	rand.Read(h.nobody.digest[:])
	return h, nil
}

func newEncoded(s scheme, cost int) encoded {
	e := encoded{scheme: s, cost: cost}
	rand.Read(e.salt[:])
	e.saltText = bcryptEncoding.EncodeToString(e.salt[:])
	return e
}

// Hash returns a new hash of the password: a $2b$ bcrypt string, which passlib and
// htpasswd read; for more than 72 bytes, which bcrypt would cut off, passlib's
// bcrypt_sha256. It does not judge the password: see [Policy].
//
// Errors: [ErrBusy], or ctx's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	s := plain
	if !fitsPlain(password) {
		s = sha256v2
	}
	e := newEncoded(s, h.cost)
	key, _ := e.key(password)
	if err := h.gate.enter(ctx); err != nil {
		return "", err
	}
	defer h.gate.leave()
	e.digest = h.digest(key, e.cost, e.salt)
	return e.String(), nil
}

// Match is what [Hasher.Verify] found.
type Match struct {
	// OK: it is the password.
	OK bool
	// NeedsRehash: it is, and the hash has another cost than the configured, or
	// passlib's older format. Hash the password again and store that.
	NeedsRehash bool
}

// Verify checks a password against a stored hash. A hash that is empty, corrupt, of
// an unknown kind or of a cost over 16 matches nothing, after the same work as a
// comparison at the configured cost; so does a password that bcrypt would not read
// to its end. The result alone tells, never an error or the time: the refusal of a
// cheaper hash is made to cost as much. That of a dearer one costs more, and until
// its owner has logged in tells that there is one, so raise the cost and do not lower it.
//
// Errors: [ErrBusy], or ctx's.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (Match, error) {
	e, readable := parse(hash)
	if !readable {
		e = h.nobody
	}
	key, whole := e.key(password)
	if err := h.gate.enter(ctx); err != nil {
		return Match{}, err
	}
	defer h.gate.leave()
	digest := h.digest(key, e.cost, e.salt)
	ok := subtle.ConstantTimeCompare(digest[:], e.digest[:]) == 1 && whole && readable
	if !ok {
		// A cheaper hash must not tell by a quicker refusal that its account
		// exists: 2^cost and each power up to the configured one make that one.
		for cost := e.cost; cost < h.cost; cost++ {
			h.digest(key, cost, e.salt)
		}
	}
	return Match{OK: ok, NeedsRehash: ok && (e.cost != h.cost || e.scheme == sha256v1)}, nil
}

// VerifyNobody does the work of a [Hasher.Verify] that matches nothing, for an
// account that does not exist. Errors: [ErrBusy], or ctx's.
func (h *Hasher) VerifyNobody(ctx context.Context, password string) error {
	_, err := h.Verify(ctx, "", password)
	return err
}

// Stats returns how much hashing goes on, for metrics.
func (h *Hasher) Stats() Stats { return h.gate.stats() }

// Format writes the cost and nothing else, whatever the verb.
func (h *Hasher) Format(f fmt.State, _ rune) {
	io.WriteString(f, fmt.Sprintf("hasher of cost %d", h.cost))
}
