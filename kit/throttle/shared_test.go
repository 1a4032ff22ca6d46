package throttle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeBuckets keep values in memory, and can be away, hang and lose answers.
type fakeBuckets struct {
	mu     sync.Mutex
	values map[int][]byte
	calls  atomic.Int64
	fault  atomic.Pointer[fault]
}

type fault struct {
	err   error
	lost  bool          // after the change
	hangs bool          // until the context is done
	takes time.Duration // of each call
}

func newFakeBuckets() *fakeBuckets {
	f := &fakeBuckets{values: map[int][]byte{}}
	f.fault.Store(&fault{})
	return f
}

func (f *fakeBuckets) Change(ctx context.Context, n int, change func([]byte) []byte) error {
	f.calls.Add(1)
	now := f.fault.Load()
	if now.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	select {
	case <-time.After(now.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if now.err != nil && !now.lost {
		return now.err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if value := change(f.values[n]); value != nil {
		f.values[n] = value
	}
	return now.err
}

func (f *fakeBuckets) empty() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.values)
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func instances(b Buckets, n int) []*Throttle {
	all := make([]*Throttle, n)
	for i := range all {
		all[i] = New(&Options{Shared: b, Logger: quiet()})
	}
	return all
}

// Instances with clocks of their own compare a hundred guesses in a row, at once or not.
func TestInstancesCountTogether(t *testing.T) {
	all := instances(newFakeBuckets(), 4)
	skew := []time.Duration{0, 30 * time.Second, -30 * time.Second, -time.Hour}
	var compared atomic.Int64
	for round := range 120 {
		together(16, func(i int) {
			at := time.Duration(round)*20*time.Minute + skew[i%4]
			if c, err := all[i%4].Begin(context.Background(), login(at, uint64(round*16+i+1))); err == nil {
				compared.Add(1)
				c.Done(context.Background(), Failed)
			}
		})
	}
	if got := compared.Load(); got != 100 {
		t.Errorf("%d guesses are compared, want 100", got)
	}
	device := login(120*20*time.Minute, 1)
	device.Device = "d"
	end(t, all[3], device, Succeeded)
	if got := wait(t, all[0], login(120*20*time.Minute, 2)); got != 0 {
		t.Errorf("after the owner's login a stranger has to wait %v", got)
	}
}

// While the shared buckets are away or hang, no attempt takes longer than half a second in each
// of Begin and Done, one in a second asks them, and each instance goes on from what it has seen.
func TestTheSharedBucketsAreAway(t *testing.T) {
	for name, f := range map[string]*fault{
		"away":  {err: errors.New("connection refused")},
		"hangs": {hangs: true},
		"lost":  {err: errors.New("the answer is lost"), lost: true},
		"slow":  {takes: 400 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFakeBuckets()
				l := instances(fake, 1)[0]
				var log bytes.Buffer
				l.shared.logger = slog.New(slog.NewTextHandler(&log, nil))
				at := func(guess uint64) Attempt {
					a := login(0, guess)
					a.Time = time.Now()
					return a
				}
				for i := range uint64(4) {
					wait(t, l, at(i+1))
				}
				fake.fault.Store(f)
				before := fake.calls.Load()
				for i := range uint64(20) {
					began := time.Now()
					c, err := l.Begin(t.Context(), at(100+i))
					if took := time.Since(began); took > patience {
						t.Fatalf("Begin takes %v", took)
					}
					if err == nil {
						began = time.Now()
						c.Done(t.Context(), Succeeded)
						if took := time.Since(began); took > patience {
							t.Fatalf("Done takes %v", took)
						}
					}
				}
				if asked := fake.calls.Load() - before; name != "slow" && asked > 2 {
					t.Errorf("they are asked %d times", asked)
				}
				fake.fault.Store(&fault{})
				time.Sleep(pause)
				n := fake.calls.Load()
				wait(t, l, at(500))
				if fake.calls.Load() == n {
					t.Error("they are not asked again")
				}
				away, back := strings.Contains(log.String(), "does not answer"), strings.Contains(log.String(), "answers again")
				if away != (name != "slow") || back != away {
					t.Errorf("the log says: %s", log.String())
				}
			})
		})
	}
}

// An outage gives a stranger no new hundred: the instance goes on from what it has seen.
func TestAnOutageGivesNoNewRow(t *testing.T) {
	fake := newFakeBuckets()
	l := instances(fake, 1)[0]
	a := login(0, 0)
	if got := guess(t, l, a); got != 100 {
		t.Fatal(got, "guesses are compared")
	}
	fake.fault.Store(&fault{err: errors.New("away")})
	a.Time, a.Guess = start.Add(1e6*time.Second), 5000
	if got := guess(t, l, a); got != 0 {
		t.Errorf("%d more are compared during an outage", got)
	}
	fake.fault.Store(&fault{})
	device := a
	device.Time, device.Device = a.Time.Add(time.Hour), "d"
	end(t, l, device, Succeeded)
	fake.fault.Store(&fault{err: errors.New("away")})
	a.Time = a.Time.Add(2 * time.Hour)
	if got := wait(t, l, a); got != 0 {
		t.Errorf("the next outage remembers a row that has ended: the wait is %v", got)
	}
}

// Buckets that come and go do not fill the log, and an outage that lasts is in it.
func TestBucketsThatComeAndGo(t *testing.T) {
	fake := newFakeBuckets()
	l := instances(fake, 1)[0]
	var log bytes.Buffer
	l.shared.logger = slog.New(slog.NewTextHandler(&log, nil))
	away, back := &fault{err: errors.New("away")}, &fault{}
	for second := range uint64(120) {
		fake.fault.Store([]*fault{away, back}[second%2])
		wait(t, l, login(time.Duration(second)*time.Second, second+1))
	}
	if n := strings.Count(log.String(), "\n"); n == 0 || n > 2*12 {
		t.Errorf("there are %d lines in two minutes", n)
	}
	log.Reset()
	fake.fault.Store(away)
	for second := range uint64(12) {
		wait(t, l, login(time.Duration(120+second)*time.Second, second+1))
	}
	if n := strings.Count(log.String(), "does not answer"); n != 1 {
		t.Errorf("an outage of twelve seconds is in the log %d times", n)
	}
}

// While they hang, one attempt waits for them, and the others of that second do not.
func TestOneAttemptAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeBuckets()
		l := instances(fake, 1)[0]
		fake.fault.Store(&fault{hangs: true})
		a := login(0, 1)
		a.Time = time.Now()
		wait(t, l, a)
		time.Sleep(pause)
		var waited atomic.Int64
		together(64, func(i int) {
			began := time.Now()
			a := login(0, 1)
			a.Time = began
			_, _ = l.Begin(context.Background(), a)
			if time.Since(began) > 0 {
				waited.Add(1)
			}
		})
		if got := waited.Load(); got != 1 {
			t.Errorf("%d of 64 attempts wait for what does not answer, want 1", got)
		}
		// The clock was set back: they are asked nevertheless.
		n := fake.calls.Load()
		a.Time = time.Now().Add(-time.Hour)
		wait(t, l, a)
		if fake.calls.Load() == n {
			t.Error("after the clock was set back they are not asked")
		}
	})
}

// A store that was emptied costs the counts, and no more: old and new instances count together.
func TestTheStoreIsEmptied(t *testing.T) {
	fake := newFakeBuckets()
	old := instances(fake, 2)
	guess(t, old[0], login(0, 0))
	wait(t, old[1], login(1e6*time.Second, 1))
	fake.empty()
	later := 2e6 * time.Second
	first := instances(fake, 1)[0] // makes another seed
	wait(t, first, login(later, 1))
	all := append(instances(fake, 1), old...)
	all = append(all, first)
	compared := 1
	for i := range 1000 {
		if wait(t, all[i%len(all)], login(later+time.Duration(i+1)*20*time.Minute, uint64(i+2))) == 0 {
			compared++
		}
	}
	if compared != 100 {
		t.Errorf("%d guesses are compared, want 100", compared)
	}
}

// A bucket, or a seed, of a form that is not known is left alone, and counted in memory.
func TestAnotherForm(t *testing.T) {
	for name, numbers := range map[string]func(l *Throttle) int{
		"bucket": func(l *Throttle) int {
			a := login(0, 0)
			n := nameOf(&a)
			s := l.own.secret()
			number, _ := s.locate(&n)
			return number
		},
		"seed": func(*Throttle) int { return 0 },
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFakeBuckets()
			l := instances(fake, 1)[0]
			if name == "bucket" {
				wait(t, l, login(0, 1))
			}
			number := numbers(l)
			fake.values[number] = append([]byte{9}, make([]byte, 100)...)
			if got := guess(t, l, login(0, 10)); got > 100 {
				t.Errorf("%d guesses are compared", got)
			}
			if fake.values[number][0] != 9 {
				t.Error("the value was replaced")
			}
		})
	}
}

// A client that goes away gets its context's error.
func TestTheClientGoesAway(t *testing.T) {
	fake := newFakeBuckets()
	l := instances(fake, 1)[0]
	fake.fault.Store(&fault{hangs: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Begin(ctx, login(0, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin returned %v", err)
	}
	if fake.calls.Load() != 0 {
		t.Error("it is counted")
	}
}
