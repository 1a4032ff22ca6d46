package conformance

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/kit"
)

// A slow store is not a stuck one. So the watchdog looks at each call, and gives a
// whole case, and the making of a data set, a multiple of the time.
const (
	caseTimeouts = 10
	newTimeouts  = 4
)

// watch knows the calls of a case that have not returned.
type watch struct {
	mu    sync.Mutex
	next  int
	calls map[int]watchedCall
	// unavailable reports whether a call has answered kit.ErrUnavailable.
	unavailable atomic.Bool
	began       time.Time // of the proof
	last        time.Time // when the last call began or ended
}

type watchedCall struct {
	what  string
	began time.Time
}

func newWatch() *watch { return &watch{calls: map[int]watchedCall{}} }

// start begins the time of the proof.
func (w *watch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = time.Now()
	w.last = w.began
}

// begin notes a call until its end.
func (w *watch) begin(what string) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	w.next++
	number := w.next
	w.calls[number] = watchedCall{what, w.last}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last = time.Now()
		delete(w.calls, number)
	}
}

// call is begin for a call whose answer is there at its end.
func (w *watch) call(what string, answer *error) (end func()) {
	ended := w.begin(what)
	return func() { w.saw(*answer); ended() }
}

// saw notes an answer.
func (w *watch) saw(err error) {
	if errors.Is(err, kit.ErrUnavailable) {
		w.unavailable.Store(true)
	}
}

// problem says why a case is not worth waiting for any longer. It names the oldest
// call: the others may be waiting for that one.
func (w *watch) problem(timeout time.Duration) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	var oldest *watchedCall
	for _, c := range w.calls {
		if oldest == nil || c.began.Before(oldest.began) {
			oldest = &c
		}
	}
	switch {
	case oldest != nil && now.Sub(oldest.began) > timeout:
		return fmt.Sprintf("%s has not returned within %v, and %d other calls are not back either: it is very slow, or stuck, or two calls wait for each other", oldest.what, timeout, len(w.calls)-1)
	case oldest == nil && now.Sub(w.last) > timeout:
		return fmt.Sprintf("the case is waiting, and no call has begun or ended within %v", timeout)
	case now.Sub(w.began) > caseTimeouts*timeout:
		return fmt.Sprintf("the case did not end within %v, though no call took longer than %v: the store is very slow, or calls go on without getting anywhere", caseTimeouts*timeout, timeout)
	}
	return ""
}

// limit reports through tb when what runs on the test's own goroutine has not ended
// in time. A goroutine cannot be ended from outside, so the test goes on waiting,
// and prints nothing of what it was told: that is why it is written out as well.
func limit(tb testing.TB, what, advice string, timeout time.Duration) (ended func()) {
	var mu sync.Mutex
	over := false // after which tb must not be used
	timer := time.AfterFunc(timeout, func() {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return
		}
		message := fmt.Sprintf("%s has not returned within %v. %s", what, timeout, advice)
		_, _ = fmt.Fprintf(os.Stderr, "conformance: %s: %s\n", tb.Name(), message)
		tb.Errorf("%s\n%s", message, stacks())
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}

// stacks returns the goroutines that matter for a stuck call: those within a call of a
// store, and those of the store and its client themselves. The others are the suite's
// and package testing's.
func stacks() string {
	all := ""
	for size := 1 << 20; all == ""; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size == 16<<20 {
			all = string(buf[:n])
		}
	}
	inCall := func(stack string) bool {
		return strings.Contains(stack, "/conformance.watched") || strings.Contains(stack, "/conformance.pinging")
	}
	kept := strings.Split(all, "\n\n")
	if slices.ContainsFunc(kept, inCall) {
		suites := regexp.MustCompile(`(?m)^(testing\.|created by testing\.|.*/conformance\.)`)
		kept = slices.DeleteFunc(kept, func(stack string) bool { return !inCall(stack) && suites.MatchString(stack) })
	}
	return strings.Join(kept, "\n\n")
}
