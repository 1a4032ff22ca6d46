package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// Stores is one handle to a data set: one connection pool, one open file, one client. A
// program that runs as several instances has one in each.
type Stores struct {
	// Stores are the stores under test. RunUsers uses Users alone, RunTokens the other two.
	kit.Stores

	// Buckets is what RunBuckets tests; nil: those of package shared over Tokens.
	Buckets throttle.Buckets

	// Close closes this handle. Later calls through it must return an error that
	// wraps [kit.ErrUnavailable]. The suite closes each handle at the end of its case.
	Close func() error

	// Stall makes the data set hang, as a lock that another program holds does: until
	// release is called, calls through this handle that need the data get no answer.
	Stall func() (release func())

	// Newer rewrites the record with that ID in a table, which is "users", "tokens" or
	// "credentials", so that it claims to be of a form that a newer version of MyAuth writes.
	Newer func(table, id string) error
}

// Open opens one more handle to a data set. The suite opens two for each case, which
// share nothing but the data, and in some cases a third, or all of them anew. Open may
// end the test with t.Fatal.
type Open func(t testing.TB) Stores

// Ability is something that not every store has, or that not every test environment can
// show.
type Ability string

// The abilities that [Config].Without can name.
const (
	// Closing: Stores.Close is set.
	Closing Ability = "closing"
	// Durability: the data outlives the last handle.
	Durability Ability = "durability"
	// Pinging: the stores implement [kit.Pinger].
	Pinging Ability = "pinging"
	// Credentials: Stores.Credentials is set. A store that is for tokens alone lacks it.
	Credentials Ability = "credentials"
	// Listing: the store of users implements [kit.UserLister].
	Listing Ability = "listing"
	// Upgrading: Stores.Newer is set. Only a store whose records end with the process lacks it.
	Upgrading Ability = "upgrading"
	// Stalling: Stores.Stall is set.
	Stalling Ability = "stalling"
	// Networking: Config.Network is set.
	Networking Ability = "networking"
)

var abilities = []Ability{Closing, Durability, Pinging, Credentials, Listing, Upgrading, Stalling, Networking}

// Config says how the suite reaches a store, and what the store cannot do. Only New is
// required.
type Config struct {
	// New makes an empty data set for one case: a fresh file, database, schema or key
	// prefix. It removes with t.Cleanup what it has made. It runs on the goroutine of
	// the case's test.
	New func(t testing.TB) Open

	// Network is New for a store with a server, which it must reach through n only, by
	// n.DialContext or n.Address. The suite then breaks the connections, lets them
	// hang, and loses requests and answers.
	Network func(t testing.TB, n *Network) Open

	// Without lists the abilities that are missing. Cases that need one are skipped. A
	// missing ability that is not listed fails them, so nothing goes untested by
	// accident.
	Without []Ability

	// Parallel runs the cases in parallel, as many as -parallel allows, except those in
	// which two callers meet in a loop. Most cases of a store with a server wait, so
	// -parallel may be well above the number of processors.
	Parallel bool

	// Soon is how long a call may take after its context is done or over a network that
	// loses something, and how long a store may need to work again after an outage. The
	// default is five seconds. In one case the data hangs for half of it.
	Soon time.Duration

	// timeout is when a call that does not return counts as stuck. Its case then fails
	// with the stacks of all goroutines. Two minutes, except in the tests of the suite.
	timeout time.Duration

	// listed is how many users the walks of a case are over, in the tests of the suite.
	listed int
}

// Run tests all three stores, each alone and the three together.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, allRules())
}

// RunUsers tests a [kit.UserStore] alone.
func RunUsers(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, userRules())
}

// RunTokens tests a [kit.TokenStore] alone, and that Credentials is another one of the same
// form.
func RunTokens(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, append(tokenRules(), credentialRules()...))
}

// RunTogether tests what only stores of several databases can get wrong: sessions of users in
// the one and tokens in the other, under two [kit.Service]. It comes after RunUsers of the one
// and RunTokens of both.
func RunTogether(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, togetherRules())
}

// RunBuckets tests a [throttle.Buckets], in which several instances of a throttle count together.
func RunBuckets(t *testing.T, cfg Config) {
	t.Helper()
	runAll(t, cfg, bucketRules())
}

// check returns cfg with its defaults, or says which field is wrong.
func (cfg Config) check() (Config, error) {
	cfg.Soon = cmp.Or(cfg.Soon, 5*time.Second)
	cfg.timeout = cmp.Or(cfg.timeout, 2*time.Minute)
	switch {
	case cfg.New == nil:
		return cfg, errors.New("conformance: Config.New is nil: set it to a function that makes an empty data set")
	case cfg.Soon < 0:
		return cfg, fmt.Errorf("conformance: Config.Soon is %v: it must not be negative, and 0 means the default", cfg.Soon)
	}
	for _, missing := range cfg.Without {
		if !slices.Contains(abilities, missing) {
			return cfg, fmt.Errorf("conformance: Config.Without names %q: the abilities are %q", missing, abilities)
		}
	}
	return cfg, nil
}
