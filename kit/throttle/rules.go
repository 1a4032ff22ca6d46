package throttle

import "time"

// maxWait is the longest wait that any rule asks for.
const maxWait = 15 * time.Minute

// stopAfter is how many wrong guesses in a row are compared for one account.
const stopAfter = 100

// rule says how long a key has to wait after its last attempt, by how many were counted.
type rule struct {
	// first is the number of the rule's first bucket, and buckets how many it has: a power of two.
	first, buckets int
	// forget is the time in which one attempt is forgotten; zero: never.
	forget time.Duration
	wait   func(count uint32) time.Duration
	// proved says that strangers cannot make keys. So no flood of them can push one out, and
	// one without a place has nothing to wait for.
	proved bool
}

// The rules. The first bucket has the secret of the hash.
var (
	guesses = rule{first: 1, buckets: 2048, wait: guessWait}
	// proved counts guesses of known devices and sessions, and at second factors.
	proved  = rule{first: 1 + 2048, buckets: 512, wait: guessWait, proved: true}
	sources = rule{first: 1 + 2560, buckets: 1024, forget: 30 * time.Second, wait: func(n uint32) time.Duration {
		if n < 50 {
			return 0
		}
		return doubled((n-50)/10, 0, 30*time.Second)
	}}
	mailboxes = rule{first: 1 + 3584, buckets: 1024, forget: 12 * time.Minute, wait: func(n uint32) time.Duration {
		if n < 5 {
			return time.Minute
		}
		return 10 * time.Minute
	}}
	prompts = rule{first: 1 + 4608, buckets: 256, forget: time.Minute, wait: func(n uint32) time.Duration {
		if n < 5 {
			return 0
		}
		return time.Minute
	}}
)

// NumBuckets is how many buckets a [Buckets] keeps at most.
const NumBuckets = 1 + 4608 + 256

func guessWait(n uint32) time.Duration { return doubled(n, 5, time.Second) }

// doubled returns a wait that begins with first after free attempts, and doubles with each
// further one.
func doubled(n, free uint32, first time.Duration) time.Duration {
	if n < free {
		return 0
	}
	return min(first<<min(n-free, 20), maxWait)
}
