package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/kit"
)

// noted runs one rule with a configuration and returns its outcome.
func noted(t *testing.T, cfg Config, r rule) outcome {
	t.Helper()
	cfg, err := cfg.check()
	if err != nil {
		t.Fatal(err)
	}
	return (&suite{cfg: cfg}).execute(t, r)
}

func wantNoted(t *testing.T, got outcome, parts ...string) {
	t.Helper()
	all := strings.Join(got.failures, "\n") + got.skipped
	for _, part := range parts {
		if !strings.Contains(all, part) {
			t.Errorf("got %q, want it to say %q", all, part)
		}
	}
}

func TestBadConfigurations(t *testing.T) {
	open := func(testing.TB) Open { return nil }
	for part, cfg := range map[string]Config{
		"Config.New":     {},
		"Config.Soon":    {New: open, Soon: -time.Second},
		"Config.Without": {New: open, Without: []Ability{"flying"}},
	} {
		if _, err := cfg.check(); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got error %v, want one that names %s", err, part)
		}
	}
}

// What a store cannot do it declares; otherwise the case that needs it fails.
func TestMissingAbilities(t *testing.T) {
	bare := func(without ...Ability) Config {
		cfg := fakeConfig(nil)
		full := cfg.New
		cfg.New = func(t testing.TB) Open {
			open := full(t)
			return func(t testing.TB) Stores {
				s := open(t)
				return Stores{Stores: kit.Stores{Users: struct{ kit.UserStore }{s.Users}}} // no Ping, no Close
			}
		}
		cfg.Without = without
		return cfg
	}
	noop := func(*probe) {}
	for _, c := range []struct {
		need Ability
		says string
	}{{Closing, "Stores.Close is nil"}, {Stalling, "Stores.Stall is nil"}, {Upgrading, "Stores.Newer is nil"}, {Credentials, "Stores.Credentials or Tokens is nil"}} {
		r := rule{id: "users/x/y", needs: []Ability{c.need}, prove: noop}
		got := noted(t, bare(), r)
		wantNoted(t, got, "users/x/y", c.says, "Config.Without")
		got = noted(t, bare(c.need), r)
		wantNoted(t, got, "declared without "+string(c.need))
		if len(got.failures) != 0 || got.skipped == "" {
			t.Errorf("a declared lack of %s: got %+v, want the case skipped", c.need, got)
		}
	}
	for _, r := range userRules() {
		if r.id == "users/ping/answers" {
			wantNoted(t, noted(t, bare(), r), "does not implement kit.Pinger", "Config.Without")
		}
		if r.id == "users/list/none" {
			wantNoted(t, noted(t, bare(), r), "does not implement kit.UserLister", "Config.Without")
			wantNoted(t, noted(t, bare(Listing), r), "declared without listing")
		}
	}
	wantNoted(t, noted(t, bare(), rule{id: "tokens/x", prove: noop}), "Stores.Tokens is nil")
	wantNoted(t, noted(t, bare(), rule{id: "together/x", prove: noop}), "RunUsers or RunTokens")
}

// A panic fails its case alone, and every handle is closed whatever happens.
func TestHandlesAreClosed(t *testing.T) {
	for name, prove := range map[string]func(p *probe){
		"returns": func(p *probe) {},
		"stops":   func(p *probe) { p.must(errors.New("no"), "Create") },
		"panics":  func(p *probe) { panic("index out of range") },
		"opens":   func(p *probe) { p.open(); p.reopen() },
	} {
		var open atomic.Int64
		cfg := fakeConfig(func(f *fake) {
			open.Add(1)
			f.close = func() error { open.Add(-1); return nil }
		})
		got := noted(t, cfg, rule{id: "users/x/" + name, prove: prove})
		if left := open.Load(); left != 0 {
			t.Errorf("a proof that %s: %d handles are open after it", name, left)
		}
		if wanted := name == "stops" || name == "panics"; wanted != (len(got.failures) == 1) {
			t.Errorf("a proof that %s: got failures %q", name, got.failures)
		}
	}
}

// A panic is an answer at once, also where the suite waits for a context, and no
// caller's win.
func TestPanics(t *testing.T) {
	panics := func(f *fake) {
		f.byEmail = func(context.Context, string) (kit.User, error) { panic("index out of range") }
	}
	for _, c := range []struct {
		prove func(p *probe)
		says  []string
	}{
		{func(p *probe) {
			byEmail := func(ctx context.Context) error { _, err := p.a.Users.ByEmail(ctx, ""); return err }
			_ = p.within(p.ctx(), attempt{method: "ByEmail", call: byEmail}, "while the data hangs", func() {})
		}, []string{"index out of range", "ByEmail while the data hangs: the call panicked"}},
		{func(p *probe) {
			p.wantOneWinner(p.race(racers, func(_ int, h *handle) error { _, err := h.Users.ByEmail(p.ctx(), ""); return err }), "ByEmail", kit.ErrConflict)
		}, []string{"index out of range", "0 succeeded, want exactly 1", "16 of those that did not succeed"}},
	} {
		got := noted(t, fakeConfig(panics), rule{id: "users/x/panics", prove: c.prove})
		wantNoted(t, got, c.says...)
		if len(got.failures) != len(c.says) {
			t.Errorf("got %d failures, want %d", len(got.failures), len(c.says))
		}
	}
}

// A call with more exchanges than the suite loses is not passed over in silence.
func TestTooManyExchanges(t *testing.T) {
	chatty := func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			for range exchanges {
				if f.wire == nil || !strings.HasPrefix(id, "user-read-") {
					break
				}
				if err := f.wire.do(ctx, func() error { return nil }); err != nil {
					return kit.User{}, err
				}
			}
			return byID(ctx, id)
		}
	}
	for _, r := range userRules() {
		if r.id == "users/network/lost-answer" {
			wantNoted(t, noted(t, fakeConfig(chatty), r), "ByID has 64 exchanges")
		}
	}
}

// A long list of failures is cut, and counted.
func TestFailuresAreCounted(t *testing.T) {
	got := noted(t, fakeConfig(nil), rule{id: "users/x/many", prove: func(p *probe) {
		for i := range 100 {
			p.failf("failure %d", i)
		}
	}})
	if len(got.failures) != maxFailures+1 {
		t.Errorf("got %d failures, want %d", len(got.failures), maxFailures+1)
	}
	wantNoted(t, got, "failure 0", "92 more failures")
}

func TestTripContext(t *testing.T) {
	ctx := newTripContext(3)
	defer ctx.stop()
	if ctx.Err() != nil {
		t.Fatal("done at the first look")
	}
	select {
	case <-ctx.Done():
		t.Fatal("done at the second look")
	default:
	}
	child, cancel := context.WithCancel(ctx) // looks for the third time
	defer cancel()
	<-child.Done()
	if !errors.Is(child.Err(), context.Canceled) {
		t.Errorf("a child of it: got %v, want %v", child.Err(), context.Canceled)
	}
}

func TestLargeSettingsAreExact(t *testing.T) {
	if n := len(largeSettings()); n != 16<<10 {
		t.Errorf("got %d bytes, want %d", n, 16<<10)
	}
	if !json.Valid([]byte(largeSettings())) || !json.Valid([]byte(deepSettings())) {
		t.Error("the settings are not JSON")
	}
	for _, text := range settingsTexts {
		if !json.Valid([]byte(text)) {
			t.Errorf("not JSON: %s", text)
		}
	}
}
