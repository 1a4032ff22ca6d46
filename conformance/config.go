package conformance

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
)

// Stores is one handle to a data set: one connection pool, one open file, one
// client. A program that runs as several instances has one in each.
type Stores struct {
	// Users and Tokens are the stores under test. RunUsers leaves Tokens alone,
	// and RunTokens Users.
	Users  kit.UserStore
	Tokens kit.TokenStore

	// Close ends the use of this handle. Calls that follow must return an
	// error that wraps [kit.ErrUnavailable]. Whether other handles live on is
	// up to the store. The suite closes each handle at the end of its case.
	Close func() error

	// Stall makes the data set hang, as a lock held by somebody else does, or a
	// network that swallows packets: from its return until release is called,
	// calls through this handle that need the data get no answer. A store
	// that can still answer some of them may do so.
	Stall func() (release func())
}

// Open opens one more handle to a data set. The suite calls it twice for each
// case, once more where a case looks through a new handle beside the two, and again
// where a case closes everything and starts anew. It may end the test with t.Fatal.
type Open func(t testing.TB) Stores

// Ability is something that not every store has, or that not every test
// environment can show.
type Ability string

// The abilities that [Config].Without can name.
const (
	// Closing: Stores.Close is set.
	Closing Ability = "closing"
	// Durability: the data outlives the last handle.
	Durability Ability = "durability"
	// Pinging: the stores implement [kit.Pinger].
	Pinging Ability = "pinging"
	// Stalling: Stores.Stall is set.
	Stalling Ability = "stalling"
	// Networking: Config.Network is set.
	Networking Ability = "networking"
)

var abilities = []Ability{Closing, Durability, Pinging, Stalling, Networking}

// Config says how the suite gets at a store, and what the store declares about
// itself. Only New is required.
type Config struct {
	// New makes an empty data set for one case and returns the way to open it:
	// a fresh file, database, schema or key prefix. What it sets up it takes
	// away with t.Cleanup. It runs on the goroutine of the case's test.
	New func(t testing.TB) Open

	// Network is New for stores that reach their server only through n, by
	// n.DialContext or n.Address. The suite then breaks the connections, hangs,
	// and loses requests and answers.
	Network func(t testing.TB, n *Network) Open

	// TimePrecision is the finest step that the store keeps of a time: a
	// microsecond, which is the default, or what divides one.
	TimePrecision time.Duration

	// Without lists the abilities that are missing. The cases which need one
	// are then skipped, and say so; a missing ability that is not listed
	// fails them, so that nothing goes untested by accident.
	Without []Ability

	// Parallel runs the cases in parallel, as many as -parallel allows, but for those
	// in which two callers meet in a loop.
	Parallel bool

	// Timeout is when a call that does not return counts as stuck; two minutes by
	// default. Its case then fails with the stacks of all goroutines, and after three
	// such cases the others are not tried. A case as a whole may take ten times as
	// long, and New and Network four times; go test ends after ten minutes unless
	// -timeout says otherwise.
	Timeout time.Duration

	// Soon is how long a call may go on after its context is done, how long it may
	// take over a network that loses something, and how long a store may need to work
	// again after an outage; five seconds by default. For half of it the data hangs in
	// the case that looks for a lock timeout of the store's own: more finds longer ones.
	Soon time.Duration
}

// Run proves both stores, each on its own and the two together, also under a
// [kit.Service].
func Run(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, allRules())
}

// RunTogether runs only the cases that need both stores, the life of sessions
// through a [kit.Service] above all: for users in one database and tokens in
// another, each of which RunUsers and RunTokens have proven.
func RunTogether(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, togetherRules())
}

// RunUsers proves a [kit.UserStore] alone, for users that live in a database of
// their own.
func RunUsers(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, userRules())
}

// RunTokens proves a [kit.TokenStore] alone.
func RunTokens(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, tokenRules())
}

// check returns cfg with its defaults, or says which field is wrong.
func (cfg Config) check() (Config, error) {
	if cfg.New == nil {
		return cfg, errors.New("conformance: Config.New is nil: set it to a function that makes an empty data set")
	}
	if cfg.TimePrecision == 0 {
		cfg.TimePrecision = time.Microsecond
	}
	if cfg.TimePrecision < 0 || cfg.TimePrecision > time.Microsecond {
		return cfg, fmt.Errorf("conformance: Config.TimePrecision is %v: the contract asks for a microsecond or better", cfg.TimePrecision)
	}
	if time.Microsecond%cfg.TimePrecision != 0 {
		return cfg, fmt.Errorf("conformance: Config.TimePrecision is %v: it has to divide a microsecond, as 100ns does", cfg.TimePrecision)
	}
	for _, missing := range cfg.Without {
		if !slices.Contains(abilities, missing) {
			return cfg, fmt.Errorf("conformance: Config.Without names %q: the abilities are %q", missing, abilities)
		}
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Minute
	}
	if cfg.Soon == 0 {
		cfg.Soon = 5 * time.Second
	}
	if cfg.Soon < 0 || cfg.Timeout < 0 {
		return cfg, fmt.Errorf("conformance: Config.Soon is %v and Config.Timeout %v: neither may be negative, and 0 means the default", cfg.Soon, cfg.Timeout)
	}
	return cfg, nil
}
