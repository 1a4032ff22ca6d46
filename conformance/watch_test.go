package conformance

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
)

// inNoTime runs a test whose waits are for a clock of their own: a slow machine ends
// none of them early. What it has abandoned has to end too.
func inNoTime(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Hour)
		test(t)
	})
}

// A case that waits for nothing is ended by the watchdog, with the stacks.
func TestWatchdog(t *testing.T) {
	inNoTime(t, func(t *testing.T) {
		never := make(chan struct{})
		defer close(never)
		got := noted(t, fakeConfig(nil), rule{id: "users/x/hangs", quote: "never", prove: func(*probe) { <-never }})
		wantNoted(t, got, "users/x/hangs", "no call has begun or ended within 30s", "goroutine ", "watch_test.go")
	})
}

// Where one case gets stuck most do, and go test would end before the suite has said
// anything. What was declared is skipped all the same.
func TestFewCasesGetStuck(t *testing.T) {
	inNoTime(t, func(t *testing.T) {
		never := make(chan struct{})
		defer close(never)
		cfg, err := fakeConfig(nil).check()
		if err != nil {
			t.Fatal(err)
		}
		cfg.Without = []Ability{Stalling}
		var tried atomic.Int64
		stuck := rule{id: "users/x/hangs", quote: "never", prove: func(*probe) { tried.Add(1); <-never }}
		all := &suite{cfg: cfg}
		for range mostStuck {
			wantNoted(t, all.execute(t, stuck), "the case is waiting")
		}
		wantNoted(t, all.execute(t, stuck), "users/x/hangs: not tried", "3 cases got stuck")
		if got := tried.Load(); got != mostStuck {
			t.Errorf("%d cases were tried, want %d", got, mostStuck)
		}
		if got := all.execute(t, rule{id: "users/x/stalls", needs: []Ability{Stalling}}); got.skipped == "" || len(got.failures) > 0 {
			t.Errorf("a declared lack after that: got %+v, want it skipped", got)
		}
	})
}

// A call that does not return is named, whatever others do meanwhile.
func TestWatchdogNamesTheCall(t *testing.T) {
	inNoTime(t, func(t *testing.T) {
		never := make(chan struct{})
		defer close(never)
		cfg := fakeConfig(func(f *fake) {
			f.update = func(context.Context, kit.User) error { <-never; return nil }
		})
		got := noted(t, cfg, rule{id: "users/x/hangs", quote: "never", prove: func(p *probe) {
			stop := make(chan struct{})
			go func() {
				defer close(stop)
				_ = p.b.Users.Update(p.ctx(), newUser("ann"))
			}()
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					_, _ = p.a.Users.ByID(p.ctx(), "user-ann")
				}
			}
		}})
		wantNoted(t, got, "users/x/hangs", "Users.Update through handle 2 has not returned within 30s", "TestWatchdogNamesTheCall")
		first, rest, _ := strings.Cut(got.failures[0], "\n")
		if !strings.Contains(first, "Users.Update through handle 2") {
			t.Errorf("the first line does not name the call: %s", first)
		}
		// The goroutine in the call, and the store's own if it has any. Of the suite's none.
		if strings.Contains(rest, "conformance.(*probe).run(") || strings.Contains(rest, "testing.tRunner") {
			t.Errorf("goroutines of the suite are listed beside the call:\n%s", rest)
		}
	})
}

// A slow store is not a stuck one: a case may take many times as long as a call.
func TestSlowStoresAreWaitedFor(t *testing.T) {
	slow := func(calls int) (got outcome) {
		inNoTime(t, func(t *testing.T) {
			cfg := fakeConfig(func(f *fake) {
				f.ping = func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }
			})
			cfg.Timeout = 2 * time.Minute
			got = noted(t, cfg, rule{id: "users/x/slow", prove: func(p *probe) {
				for range calls {
					_ = p.pinger(userKind, p.a).Ping(p.ctx())
				}
			}})
		})
		return got
	}
	if got := slow(1200); len(got.failures) > 0 { // the largest batch of tokens
		t.Errorf("a case of 1200 calls, each 100 ms long: got %q", got.failures)
	}
	wantNoted(t, slow(12100), "the case did not end within 20m0s", "very slow")
}

// reporter is a test that is told of a failure while one of its functions runs.
type reporter struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	told     chan struct{}
}

func newReporter(t *testing.T) *reporter { return &reporter{TB: t, told: make(chan struct{}, 9)} }

func (r *reporter) Errorf(format string, args ...any) {
	r.mu.Lock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
	r.mu.Unlock()
	r.told <- struct{}{}
}

// An Open that blocks, as a second one does where an engine locks its file, is
// reported while it does.
func TestOpenThatBlocks(t *testing.T) {
	for what, second := range map[string]bool{"Config.New": false, "Open of handle 2": true} {
		inNoTime(t, func(t *testing.T) {
			r := newReporter(t)
			cfg, err := fakeConfig(nil).check()
			if err != nil {
				t.Fatal(err)
			}
			plain := cfg.New
			cfg.New = func(tb testing.TB) Open {
				if !second {
					<-r.told
				}
				opened := 0
				open := plain(tb)
				return func(tb testing.TB) Stores {
					if opened++; opened == 2 && second {
						<-r.told
					}
					return open(tb)
				}
			}
			execute(r, cfg, rule{id: "users/x/y", prove: func(*probe) {}})
			if len(r.failures) != 1 || !strings.Contains(r.failures[0], what+" has not returned within ") || !strings.Contains(r.failures[0], "goroutine ") {
				t.Errorf("%s that blocks: got %q", what, r.failures)
			}
		})
	}
}

// An Open that ends the test leaves no handle behind, neither of those from the
// start nor of a proof that is under way.
func TestOpenThatFails(t *testing.T) {
	for _, fails := range []int{1, 2, 3, 4} {
		var mu sync.Mutex
		open := map[int]bool{}
		cfg, err := fakeConfig(func(f *fake) {
			mu.Lock()
			open[f.number] = true
			mu.Unlock()
			f.close = func() error {
				mu.Lock()
				defer mu.Unlock()
				delete(open, f.number)
				return nil
			}
		}).check()
		if err != nil {
			t.Fatal(err)
		}
		plain := cfg.New
		cfg.New = func(tb testing.TB) Open {
			opened, handle := 0, plain(tb)
			return func(tb testing.TB) Stores {
				if opened++; opened == fails {
					runtime.Goexit() // as t.Fatal does
				}
				return handle(tb)
			}
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			execute(t, cfg, rule{id: "users/x/y", prove: func(p *probe) {
				p.open()
				p.open()
			}})
		}()
		<-ended
		mu.Lock()
		if len(open) > 0 {
			t.Errorf("Open number %d ends the test: handles %v are open after it", fails, open)
		}
		mu.Unlock()
	}
}
