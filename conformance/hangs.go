package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"myauth.internal/kit"
)

// stallFor is how long a call hangs before its context ends.
const stallFor = 50 * time.Millisecond

// endings are the ways in which a context ends while a call waits. A store that
// hands the deadline to its connection has done nothing yet for a caller who cancels.
var endings = []struct {
	when  string
	begin func() (context.Context, context.CancelFunc)
}{
	{"until the context's deadline", func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), stallFor)
	}},
	{"until the context, which has no deadline, is canceled", func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(stallFor, cancel)
		return ctx, cancel
	}},
}

// hangs makes every call while nothing answers, and expects each to end with its context.
// So many others wait already: with all of a pool's connections, or the one lock, in other
// hands, a call waits at another place than alone.
func (p *probe) hangs(k kind, when string, others int, hang func() (release func())) {
	for _, ending := range endings {
		for _, a := range k.attempts(p, p.b) {
			release := sync.OnceFunc(hang())
			waiting, leave := context.WithCancel(context.Background())
			var crowd sync.WaitGroup
			for range others {
				crowd.Go(func() {
					defer p.recoverPanic()
					_ = k.absent(p.b)[0].call(waiting) // a read, whose answer is another case's matter
				})
			}
			if others > 0 {
				time.Sleep(stallFor / 5) // they are there, as far as one can tell
			}
			ctx, cancel := ending.begin()
			err := p.within(ctx, a, when, func() { leave(); release() })
			leave() // first, as to release the data may take what they hold
			release()
			crowd.Wait()
			p.settle(k, "after that")
			p.checkInterrupted(ctx, a, err, when+", "+ending.when)
			cancel()
		}
	}
}

// stallThatEnds makes every call at once while the data hangs, for longer than most limits of
// a store's own, and without an end of their contexts. Then the data answers again: each
// call has succeeded, or says that it could not reach the data, and no more.
func (p *probe) stallThatEnds(k kind) {
	wait := p.cfg.Soon / 2
	when := fmt.Sprintf("while the data hangs for %v (half of Config.Soon)", wait)
	attempts := k.attempts(p, p.b)
	release := sync.OnceFunc(p.b.Stall())
	time.AfterFunc(wait, release)
	answers := p.race(len(attempts), func(i int, _ *handle) error { return attempts[i].call(p.ctx()) })
	release()
	p.settle(k, "after that")
	for i, a := range attempts {
		if answers[i] != nil {
			p.wantErr(answers[i], kit.ErrUnavailable, "%s %s", a.method, when)
		}
		p.wantEffect(a, answers[i], when)
	}
}

// endsAfterCall makes calls whose contexts end when they have returned: by a deadline, and
// because the caller is done with them. That undoes nothing, and ends no later call.
func (p *probe) endsAfterCall(k kind) {
	timed, left := k.attempts(p, p.b), k.attempts(p, p.b)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	for i := range timed {
		if err := timed[i].call(ctx); ctx.Err() == nil {
			p.must(err, "%s with a deadline to come", timed[i].method)
		} else {
			timed[i].applied = nil // it was too slow to tell
		}
		canceled, cancel := context.WithCancel(context.Background())
		p.must(left[i].call(canceled), "%s with a context that can be canceled", left[i].method)
		cancel()
	}
	<-ctx.Done()
	for i, a := range k.attempts(p, p.b) {
		p.must(a.call(p.ctx()), "%s when the contexts of earlier calls have ended", a.method)
		p.wantEffect(timed[i], nil, "when the deadline of its context has passed, after it returned")
		p.wantEffect(left[i], nil, "when its context was canceled, after it returned")
	}
}

// wantEffect wants a write that returned no error to have happened, and any other to have
// happened or not.
func (p *probe) wantEffect(a attempt, err error, when string) {
	if a.applied != nil && !a.applied() && err == nil {
		p.failf("%s %s: got no error, but it has no effect", a.method, when)
	}
}

// checkInterrupted checks a call whose context ended on the way: it may have
// succeeded, and then as a whole; otherwise it says why it did not, and the
// record is as before or as after.
func (p *probe) checkInterrupted(ctx context.Context, a attempt, err error, when string) {
	if err != nil {
		p.wantCtxErr(ctx, err, "%s %s", a.method, when)
	}
	p.wantEffect(a, err, when)
}

// wantCtxErr wants an error that a context which is done has caused.
func (p *probe) wantCtxErr(ctx context.Context, err error, what string, args ...any) {
	for _, wrong := range []error{kit.ErrNotFound, kit.ErrConflict, kit.ErrUserExists} {
		if errors.Is(err, wrong) {
			p.failf("%s: got error %q, want none that wraps %s", fmt.Sprintf(what, args...), err, nameOf(wrong))
			return
		}
	}
	if err == nil || !errors.Is(err, ctx.Err()) && !errors.Is(err, context.Cause(ctx)) && !errors.Is(err, kit.ErrUnavailable) {
		p.failf("%s: got error %v, want one that wraps %q or kit.ErrUnavailable", fmt.Sprintf(what, args...), err, ctx.Err())
	}
}

// errNoReturn stands for the answer of a call that panicked.
var errNoReturn = errors.New("the call panicked")

// within makes a call and reports when it outlasts its context; release then lets
// it end.
func (p *probe) within(ctx context.Context, a attempt, when string, release func()) error {
	answer := make(chan error, 1)
	go func() {
		err := errNoReturn
		defer func() { answer <- err }()
		defer p.recoverPanic()
		err = a.call(ctx)
	}()
	var err error
	select {
	case err = <-answer:
	case <-ctx.Done():
		late := time.NewTimer(p.cfg.Soon)
		defer late.Stop()
		select {
		case err = <-answer:
		case <-late.C:
			release()
			p.failf("%s %s: no answer within %v (Config.Soon) of the end of its context", a.method, when, p.cfg.Soon)
			err = <-answer
		}
	}
	if errors.Is(err, errNoReturn) {
		release()
		p.fatalf("%s %s: %v", a.method, when, err)
	}
	return err
}
