package conformance

import (
	"context"
	"os"
	"path/filepath"
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
				_ = p.b.Users.Update(p.ctx(), newUser("ann").User)
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
		first, _, _ := strings.Cut(got.failures[0], "\n")
		if !strings.Contains(first, "Users.Update through handle 2") {
			t.Errorf("the first line does not name the call: %s", first)
		}
	})
}

// A slow store is not a stuck one: a case may take many times as long as a call.
func TestSlowStoresAreWaitedFor(t *testing.T) {
	inNoTime(t, func(t *testing.T) {
		cfg := fakeConfig(func(f *fake) {
			f.ping = func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }
		})
		got := noted(t, cfg, rule{id: "users/x/slow", prove: func(p *probe) {
			for range 1200 { // the largest batch of tokens
				_ = p.pinger(userKind, p.a).Ping(p.ctx())
			}
		}})
		if len(got.failures) > 0 {
			t.Errorf("a case of 1200 calls, each 100 ms long: got %q", got.failures)
		}
	})
}

// An Open that blocks, as a second one does where an engine locks its file, is reported
// while it does, on the standard error.
func TestOpenThatBlocks(t *testing.T) {
	for what, second := range map[string]bool{"Config.New": false, "Open of handle 2": true} {
		reports := warnings(t, func() {
			inNoTime(t, func(t *testing.T) {
				cfg, err := fakeConfig(nil).check()
				if err != nil {
					t.Fatal(err)
				}
				plain := cfg.New
				cfg.New = func(tb testing.TB) Open {
					if !second {
						time.Sleep(time.Hour)
					}
					opened, open := 0, plain(tb)
					return func(tb testing.TB) Stores {
						if opened++; opened == 2 && second {
							time.Sleep(time.Hour)
						}
						return open(tb)
					}
				}
				(&suite{cfg: cfg}).execute(t, rule{id: "users/x/y", prove: func(*probe) {}})
			})
		})
		if !strings.Contains(reports, what) || !strings.Contains(reports, " has not returned within ") || !strings.Contains(reports, "goroutine ") {
			t.Errorf("%s that blocks: got %q", what, reports)
		}
	}
}

// warnings returns what f writes to the standard error.
func warnings(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	before := os.Stderr
	defer func() { os.Stderr = before }()
	os.Stderr = file
	f()
	written, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(written)
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
			(&suite{cfg: cfg}).execute(t, rule{id: "users/x/y", prove: func(p *probe) {
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
