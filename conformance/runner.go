package conformance

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// mostStuck is how many cases may get stuck before the others are not tried: go test
	// would end before it prints what the suite has found.
	mostStuck = 3
	// tries is how often a case is tried that fails after a call has returned
	// kit.ErrUnavailable for no reason of the suite's. A store may do that once in a while.
	tries = 10
	// newTimeouts is how many times as long as a call the making of a data set may take.
	newTimeouts = 4
)

// outcome is what came of one case.
type outcome struct {
	failures []string
	skipped  string // why, when it was
	stuck    bool
}

// suite is one run of many rules.
type suite struct {
	cfg   Config
	stuck atomic.Int64 // cases
}

// runAll runs each rule as a subtest named after it.
func runAll(t *testing.T, cfg Config, rules []rule) {
	t.Helper()
	cfg, err := cfg.check()
	if err != nil {
		t.Fatal(err)
	}
	all := &suite{cfg: cfg}
	for _, r := range rules {
		if r.unless != "" && !slices.Contains(cfg.Without, r.unless) {
			continue
		}
		t.Run(r.id, func(t *testing.T) {
			if cfg.Parallel && !r.alone {
				t.Parallel()
			}
			out := all.execute(t, r)
			for _, failure := range out.failures {
				t.Error(failure)
			}
			if out.skipped != "" {
				t.Skip(out.skipped)
			}
		})
	}
	if len(cfg.Without) > 0 {
		t.Logf("conformance: declared without %q: the cases that need it are skipped", cfg.Without)
	}
}

// execute tries one rule, and again where a passing failure of the store may have spoilt
// it.
func (s *suite) execute(tb testing.TB, r rule) outcome {
	tb.Helper()
	for _, need := range r.needs {
		if slices.Contains(s.cfg.Without, need) {
			return outcome{skipped: fmt.Sprintf("%s: not tried: the store was declared without %s (Config.Without)", r.id, need)}
		}
	}
	if r.long && testing.Short() {
		return outcome{skipped: r.id + ": left out by -short"}
	}
	if s.stuck.Load() >= mostStuck {
		return outcome{failures: []string{fmt.Sprintf("%s: not tried: %d cases got stuck before it, mend them first", r.id, mostStuck)}}
	}
	for try := 1; ; try++ {
		p := newProbe(s.cfg, r)
		stuck := p.run(tb)
		if stuck {
			s.stuck.Add(1)
		}
		out := outcome{failures: p.reported(), stuck: stuck}
		spoilt := p.watch.unavailable.Load() && !slices.ContainsFunc(r.needs, unreaches)
		if len(out.failures) == 0 || stuck || !spoilt || try == tries {
			return out
		}
	}
}

// unreaches reports whether the cases that need an ability put the data out of reach.
func unreaches(need Ability) bool {
	return need == Networking || need == Stalling || need == Closing || need == Upgrading
}

// run tries the rule on a fresh data set. The proof runs on a goroutine of its own, so that
// a deadlock cannot take the test with it. Whatever may call tb.Fatal, the functions of
// Config above all, runs on this one.
func (p *probe) run(tb testing.TB) (stuck bool) {
	tb.Helper()
	open := p.dataSet(tb)
	if open == nil {
		return false
	}
	var proved chan struct{} // nil before the proof starts
	defer func() {           // also when Open ends the test
		close(p.quit)
		if proved == nil {
			p.closeAll()
		} else if !stuck { // it has ended, or ends because nobody opens its handle
			select {
			case <-proved:
			case <-time.After(p.cfg.timeout):
			}
		}
	}()
	p.a, p.b = p.openOn(tb, open), p.openOn(tb, open)
	if missing := p.missing(); missing != "" {
		p.failf("%s", missing)
		return false
	}
	proved = make(chan struct{})
	go func() {
		defer close(proved)
		defer p.closeAll()
		defer p.recoverPanic()
		p.rule.prove(p)
	}()
	watchdog := time.NewTicker(max(p.cfg.timeout/20, time.Millisecond))
	defer watchdog.Stop()
	for {
		select {
		case <-proved:
			return false
		case reply := <-p.opening:
			reply <- p.openOn(tb, open)
		case <-watchdog.C:
			if problem := p.watch.problem(p.cfg.timeout); problem != "" {
				warn(tb, problem)
				p.failf("%s\n%s", problem, stacks())
				return true
			}
		}
	}
}

// dataSet makes an empty one, or reports that it cannot.
func (p *probe) dataSet(tb testing.TB) Open {
	tb.Helper()
	if !slices.Contains(p.rule.needs, Networking) {
		defer late(tb, "Config.New", newTimeouts*p.cfg.timeout)()
		return p.cfg.New(tb)
	}
	if p.cfg.Network == nil {
		p.failf("Config.Network is nil: set it, or list conformance.Networking in Config.Without")
		return nil
	}
	defer late(tb, "Config.Network", newTimeouts*p.cfg.timeout)()
	p.network = NewNetwork(tb)
	return p.cfg.Network(tb, p.network)
}

// openOn opens one more handle.
func (p *probe) openOn(tb testing.TB, open Open) *handle {
	tb.Helper()
	name := strconv.Itoa(len(p.handles) + 1)
	defer late(tb, "Open of handle "+name+" (two are open at once, so an engine that only one may have open must be shared between them)", p.cfg.timeout)()
	bare := open(tb)
	if p.rule.swapped {
		bare = bare.swap()
	}
	h := &handle{Stores: p.watch.watched(bare, name), bare: bare, name: name}
	p.handles = append(p.handles, h)
	return h
}

// late says on the standard error when something on the goroutine of the test takes too
// long. That goroutine cannot be ended, so the test itself would print nothing.
func late(tb testing.TB, what string, timeout time.Duration) (ended func() bool) {
	return time.AfterFunc(timeout, func() {
		warn(tb, fmt.Sprintf("%s has not returned within %v\n%s", what, timeout, stacks()))
	}).Stop
}

// warn is for what has to be seen even if go test ends before it prints the failures.
func warn(tb testing.TB, problem string) {
	_, _ = fmt.Fprintf(os.Stderr, "conformance: %s: %s\n", tb.Name(), problem)
}

// missing says which ability is absent without having been declared so.
func (p *probe) missing() string {
	needs := func(ability Ability) bool { return slices.Contains(p.rule.needs, ability) }
	switch s := p.a.Stores; {
	case strings.HasPrefix(p.rule.id, "users/") && s.Users == nil:
		return "Stores.Users is nil"
	case strings.HasPrefix(p.rule.id, "tokens/") && s.Tokens == nil:
		return "Stores.Tokens is nil"
	case strings.HasPrefix(p.rule.id, "together/") && (s.Users == nil || s.Tokens == nil || s.Credentials == nil):
		return "Stores.Users, Tokens or Credentials is nil: use RunUsers or RunTokens for what is there"
	case needs(Credentials) && (s.Credentials == nil || s.Tokens == nil):
		return "Stores.Credentials or Tokens is nil: set it, or list conformance.Credentials in Config.Without"
	case needs(Upgrading) && s.Newer == nil:
		return "Stores.Newer is nil: set it, or list conformance.Upgrading in Config.Without"
	case needs(Closing) && s.Close == nil:
		return "Stores.Close is nil: set it, or list conformance.Closing in Config.Without"
	case needs(Stalling) && s.Stall == nil:
		return "Stores.Stall is nil: set it, or list conformance.Stalling in Config.Without"
	}
	return ""
}

// stopped is the panic by which a proof ends early.
type stopped struct{}

// recoverPanic turns a panic of the store into a failure of the case. Of many calls that
// panic alike the first speaks for all: their stacks would hide the rest.
func (p *probe) recoverPanic() {
	switch v := recover(); v {
	case nil, stopped{}:
	default:
		p.mu.Lock()
		known := p.panics[fmt.Sprint(v)]
		p.panics[fmt.Sprint(v)] = true
		p.mu.Unlock()
		if !known {
			p.failf("the store panicked: %v\n%s", v, debug.Stack())
		}
	}
}
