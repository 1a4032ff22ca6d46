package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"myauth.internal/kit"
)

// probe is what a proof works with: two handles to one data set that was empty
// at the start, and ways to report. Its methods are safe for concurrent use;
// those that end the proof are for its own goroutine only.
type probe struct {
	cfg  Config
	rule rule
	a, b *handle
	// network is between the handles and their server, in a rule that needs it.
	network *Network
	watch   *watch

	made int // sets of attempts so far, for the proof's own goroutine

	opening chan chan<- *handle // asks the test's goroutine for a handle
	quit    chan struct{}       // closed when nobody listens there any more

	mu       sync.Mutex
	handles  []*handle
	failures []string
	more     int
	panics   map[string]bool // those that were reported
}

// handle is one opened handle, closed at most once.
type handle struct {
	Stores
	bare   Stores // the same without the watchdog, whose lock keeps callers apart
	name   string // 1, 2, … in the order of opening
	closed bool

	bucketsOnce sync.Once
}

func newProbe(cfg Config, r rule) *probe {
	return &probe{cfg: cfg, rule: r, watch: newWatch(), opening: make(chan chan<- *handle), quit: make(chan struct{}), panics: map[string]bool{}}
}

// ctx is the context of every call that is not about contexts.
func (p *probe) ctx() context.Context { return context.Background() }

// open opens one more handle.
func (p *probe) open() *handle {
	reply := make(chan *handle, 1)
	select {
	case p.opening <- reply:
	case <-p.quit:
		runtime.Goexit()
	}
	select {
	case h := <-reply:
		return h
	case <-p.quit:
		runtime.Goexit()
		return nil
	}
}

// both returns the two handles that every proof starts with.
func (p *probe) both() []*handle { return []*handle{p.a, p.b} }

// close closes one handle.
func (p *probe) close(h *handle) {
	if h.closed || h.Close == nil {
		return
	}
	h.closed = true
	if err := h.Close(); err != nil {
		p.failf("Close: got %v, want nil", err)
	}
}

// closeAll closes every handle that is still open.
func (p *probe) closeAll() {
	for _, h := range p.handles {
		p.close(h)
	}
}

// maxFailures is how many failures a case lists before it only counts them.
const maxFailures = 8

// failf reports that the store breaks the rule. The first line of the message says what
// was asked, what came and what was wanted; the sentence of the contract follows it, and
// then the details, if there are any.
func (p *probe) failf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failures) == maxFailures {
		p.more++
		return
	}
	first, details, more := strings.Cut(fmt.Sprintf(format, args...), "\n")
	message := fmt.Sprintf("%s: %s\n\tthe contract: %q", p.rule.id, first, p.rule.quote)
	if more {
		message += "\n" + details
	}
	p.failures = append(p.failures, message)
}

// fatalf reports and ends the proof.
func (p *probe) fatalf(format string, args ...any) {
	p.failf(format, args...)
	panic(stopped{})
}

// must ends the proof when a call that it builds on has failed.
func (p *probe) must(err error, what string, args ...any) {
	if err != nil {
		p.fatalf("%s: got error %v, want none", fmt.Sprintf(what, args...), err)
	}
}

func (p *probe) reported() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more > 0 {
		return append(p.failures[:len(p.failures):len(p.failures)], fmt.Sprintf("%s: %d more failures", p.rule.id, p.more))
	}
	return p.failures
}

// sentinels are the errors that a store can mean. An error means one of them.
var sentinels = []error{kit.ErrNotFound, kit.ErrConflict, kit.ErrUserExists, kit.ErrNewerRecord, kit.ErrUnavailable}

// wantErr reports unless err is want: nil, or one of the sentinels and no other.
func (p *probe) wantErr(err, want error, what string, args ...any) {
	if problem := errProblem(err, want); problem != "" {
		p.failf("%s: %s", fmt.Sprintf(what, args...), problem)
	}
}

func errProblem(err, want error) string {
	switch {
	case want == nil && err == nil:
		return ""
	case want == nil:
		return fmt.Sprintf("got error %v, want none", err)
	case err == nil:
		return fmt.Sprintf("got no error, want %s", nameOf(want))
	case !errors.Is(err, want):
		return fmt.Sprintf("got error %q, want one that wraps %s", err, nameOf(want))
	}
	for _, other := range sentinels {
		if errors.Is(err, other) && !errors.Is(want, other) {
			return fmt.Sprintf("got error %q, which wraps %s as well as %s", err, nameOf(other), nameOf(want))
		}
	}
	return ""
}

// nameOf returns how the sentinel is written in a program.
func nameOf(sentinel error) string {
	names := []string{"kit.ErrNotFound", "kit.ErrConflict", "kit.ErrUserExists", "kit.ErrNewerRecord", "kit.ErrUnavailable"}
	if i := slices.Index(sentinels, sentinel); i >= 0 {
		return names[i]
	}
	return sentinel.Error()
}

// brief shows a value in a message, cut when it is long.
func brief(v any) string {
	s := fmt.Sprintf("%q", v)
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + fmt.Sprintf("… (%d bytes)", len(s))
	}
	return s
}
