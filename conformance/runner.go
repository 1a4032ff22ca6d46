package conformance

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// outcome is what came of one case.
type outcome struct {
	failures []string
	skipped  string // why, when it was
	stuck    bool   // it was given up
	moody    bool   // a call answered kit.ErrUnavailable, of which the suite was not the cause
}

// mostStuck is how many cases may get stuck before the others are not tried. Each takes
// Config.Timeout, two minutes, and go test ends by default after ten, with nothing of
// what the suite has found.
const mostStuck = 3

// runAll runs each rule as a subtest named after it.
func runAll(t *testing.T, cfg Config, rules []rule) {
	t.Helper()
	cfg, err := cfg.check()
	if err != nil {
		t.Fatal(err)
	}
	all := &suite{cfg: cfg}
	for _, r := range rules {
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

// suite is one run of many rules.
type suite struct {
	cfg   Config
	stuck atomic.Int64 // cases
}

// execute tries one rule, unless too many have got stuck before it.
func (s *suite) execute(tb testing.TB, r rule) outcome {
	tb.Helper()
	if s.stuck.Load() >= mostStuck && excuse(s.cfg, r) == "" {
		return outcome{failures: []string{fmt.Sprintf("%s: not tried: %d cases got stuck before it, which are to be mended first", r.id, mostStuck)}}
	}
	out := execute(tb, s.cfg, r)
	if out.stuck {
		s.stuck.Add(1)
	}
	return out
}

// excuse says why a rule is not to be tried, if there is a reason.
func excuse(cfg Config, r rule) string {
	for _, need := range r.needs {
		if slices.Contains(cfg.Without, need) {
			return fmt.Sprintf("%s: not tried: the store was declared without %s (Config.Without)", r.id, need)
		}
	}
	if r.long && testing.Short() {
		return r.id + ": left out by -short"
	}
	return ""
}

// moodTries is how often a case is tried that fails after a call has answered
// kit.ErrUnavailable for no reason of the suite's. A store may do that once in a while,
// and a proof that takes it for an answer to its question is then of no use.
const moodTries = 10

// execute tries one rule, and again where a mood of the store may have spoilt it.
func execute(tb testing.TB, cfg Config, r rule) outcome {
	tb.Helper()
	for try := 1; ; try++ {
		out := executeOnce(tb, cfg, r)
		if len(out.failures) == 0 || !out.moody || try == moodTries {
			return out
		}
	}
}

// executeOnce tries one rule on a fresh data set. The proof runs on a goroutine of
// its own, so that a deadlock cannot take the test with it; everything that
// belongs to the caller's tb, the factory above all, runs on this one.
func executeOnce(tb testing.TB, cfg Config, r rule) outcome {
	tb.Helper()
	if reason := excuse(cfg, r); reason != "" {
		return outcome{skipped: reason}
	}
	p := newProbe(cfg, r)
	if slices.Contains(r.needs, Networking) && cfg.Network == nil {
		p.failf("Config.Network is nil: set it, or list conformance.Networking in Config.Without")
		return outcome{failures: p.reported()}
	}
	return p.run(tb, p.dataSet(tb))
}

// unreaches reports whether the cases that need an ability put the data out of reach.
func unreaches(need Ability) bool {
	return need == Networking || need == Stalling || need == Closing
}

// dataSet makes an empty one.
func (p *probe) dataSet(tb testing.TB) Open {
	tb.Helper()
	const advice = "It may take four times Config.Timeout"
	if !slices.Contains(p.rule.needs, Networking) {
		defer limit(tb, "Config.New", advice, newTimeouts*p.cfg.Timeout)()
		return p.cfg.New(tb)
	}
	defer limit(tb, "Config.Network", advice, newTimeouts*p.cfg.Timeout)()
	p.network = NewNetwork(tb)
	return p.cfg.Network(tb, p.network)
}

// run opens the two handles and lets the proof work with them.
func (p *probe) run(tb testing.TB, open Open) outcome {
	tb.Helper()
	done := make(chan struct{})
	started, abandoned := false, false
	defer func() { // also when Open ends the test
		close(p.quit)
		switch {
		case !started:
			p.closeAll()
		case !abandoned: // it has ended, or does so because nobody opens its handle
			select {
			case <-done:
			case <-time.After(p.cfg.Timeout):
			}
		}
	}()
	p.a = p.keep(p.openOn(tb, open, 1))
	p.b = p.keep(p.openOn(tb, open, 2))
	if missing := p.missing(); missing != "" {
		p.failf("%s", missing)
		return outcome{failures: p.reported()}
	}

	p.watch.start()
	started = true
	go func() {
		defer close(done)
		defer p.closeAll()
		defer p.recoverPanic()
		p.rule.prove(p)
	}()
	watchdog := time.NewTicker(max(p.cfg.Timeout/20, time.Millisecond))
	defer watchdog.Stop()
	for handles := 2; ; {
		select {
		case <-done:
			return outcome{failures: p.reported(), moody: p.watch.unavailable.Load() && !slices.ContainsFunc(p.rule.needs, unreaches)}
		case reply := <-p.opening:
			handles++
			reply <- p.openOn(tb, open, handles)
		case <-watchdog.C:
			if problem := p.watch.problem(p.cfg.Timeout); problem != "" {
				abandoned = true
				// go test may end before it prints what follows.
				_, _ = fmt.Fprintf(os.Stderr, "conformance: %s: %s\n", tb.Name(), problem)
				p.failf("%s\n%s", problem, stacks())
				return outcome{failures: p.reported(), stuck: true}
			}
		}
	}
}

// openOn opens a handle on the goroutine of the test.
func (p *probe) openOn(tb testing.TB, open Open, number int) Stores {
	tb.Helper()
	what := fmt.Sprintf("Open of handle %d", number)
	defer limit(tb, what, "Two handles are open at once, so an engine that only one may have open must be shared between them", p.cfg.Timeout)()
	defer p.watch.begin(what)()
	return open(tb)
}

// missing says which ability is absent without having been declared so.
func (p *probe) missing() string {
	needs := func(ability Ability) bool { return slices.Contains(p.rule.needs, ability) }
	switch s := p.a.Stores; {
	case strings.HasPrefix(p.rule.id, "users/") && s.Users == nil:
		return "Stores.Users is nil"
	case strings.HasPrefix(p.rule.id, "tokens/") && s.Tokens == nil:
		return "Stores.Tokens is nil"
	case strings.HasPrefix(p.rule.id, "together/") && (s.Users == nil || s.Tokens == nil):
		return "Stores.Users or Stores.Tokens is nil: use RunUsers or RunTokens for one of them alone"
	case needs(Closing) && s.Close == nil:
		return "Stores.Close is nil: set it, or list conformance.Closing in Config.Without"
	case needs(Stalling) && s.Stall == nil:
		return "Stores.Stall is nil: set it, or list conformance.Stalling in Config.Without"
	}
	return ""
}

// stopped is the panic by which a proof ends early.
type stopped struct{}

// recoverPanic turns a panic of the store into a failure of the case. Of many calls
// that panic alike the first speaks for all: their stacks would hide the rest.
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
