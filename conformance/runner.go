package conformance

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// outcome is what came of one case.
type outcome struct {
	failures []string
	skipped  string // why, when it was
}

// runAll runs each rule as a subtest named after it.
func runAll(t *testing.T, cfg Config, rules []rule) {
	t.Helper()
	cfg, err := cfg.check()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		t.Run(r.id, func(t *testing.T) {
			if cfg.Parallel {
				t.Parallel()
			}
			out := execute(t, cfg, r)
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

// execute tries one rule on a fresh data set. The proof runs on a goroutine of
// its own, so that a deadlock cannot take the test with it; everything that
// belongs to the caller's tb, the factory above all, runs on this one.
func execute(tb testing.TB, cfg Config, r rule) outcome {
	tb.Helper()
	for _, need := range r.needs {
		if slices.Contains(cfg.Without, need) {
			return outcome{skipped: fmt.Sprintf("%s: not tried: the store was declared without %s (Config.Without)", r.id, need)}
		}
	}
	if r.long && testing.Short() {
		return outcome{skipped: r.id + ": left out by -short"}
	}
	p := newProbe(cfg, r)
	defer close(p.quit)
	var open Open
	switch {
	case !slices.Contains(r.needs, Networking):
		open = cfg.New(tb)
	case cfg.Network == nil:
		p.failf("Config.Network is nil: set it, or list conformance.Networking in Config.Without")
		return outcome{failures: p.reported()}
	default:
		p.network = NewNetwork(tb)
		open = cfg.Network(tb, p.network)
	}
	p.a, p.b = p.keep(open(tb)), p.keep(open(tb))
	if missing := p.missing(); missing != "" {
		p.failf("%s", missing)
		p.closeAll()
		return outcome{failures: p.reported()}
	}

	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.closeAll()
		defer p.recoverPanic()
		r.prove(p)
	}()
	watchdog := time.NewTimer(cfg.Timeout)
	defer watchdog.Stop()
	for {
		select {
		case <-done:
			return outcome{failures: p.reported()}
		case reply := <-p.opening:
			reply <- open(tb)
		case <-watchdog.C:
			p.failf("the case did not end within %v: a call is stuck, or two calls wait for each other; all goroutines:\n%s", cfg.Timeout, stacks())
			return outcome{failures: p.reported()}
		}
	}
}

// missing says which ability is absent without having been declared so.
func (p *probe) missing() string {
	needs := func(ability Ability) bool { return slices.Contains(p.rule.needs, ability) }
	switch s := p.a.Stores; {
	case strings.HasPrefix(p.rule.id, "users/") && s.Users == nil:
		return "Stores.Users is nil"
	case strings.HasPrefix(p.rule.id, "tokens/") && s.Tokens == nil:
		return "Stores.Tokens is nil"
	case (strings.HasPrefix(p.rule.id, "together/") || strings.HasPrefix(p.rule.id, "service/")) && (s.Users == nil || s.Tokens == nil):
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

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
