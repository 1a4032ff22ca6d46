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
// hands the deadline to its connection has done nothing yet for a caller who goes
// away.
var endings = []struct {
	tag, when string
	begin     func() (context.Context, context.CancelFunc)
}{
	{"deadline", "until the context's deadline", func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), stallFor)
	}},
	{"cancel", "until the context, which has no deadline, is canceled", func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(stallFor, cancel)
		return ctx, cancel
	}},
}

// hangs makes every call while nothing answers, and expects each to end with its
// context.
func (p *probe) hangs(k kind, label, when string, hang func() (release func())) {
	for _, ending := range endings {
		for _, a := range k.attempts(p, p.b, label+"-"+ending.tag) {
			release := sync.OnceFunc(hang())
			ctx, cancel := ending.begin()
			err := p.within(ctx, a, when, release)
			release()
			p.settle(k, "after that")
			p.checkInterrupted(ctx, a, err, when+", "+ending.when)
			cancel()
		}
	}
}

// hangsBehind makes every call while nothing answers and many others wait already: with
// all of a pool's connections, or the one lock, in other hands, a call waits at another
// place than alone.
func (p *probe) hangsBehind(k kind) {
	for _, ending := range endings {
		when := "while the data hangs and others wait for it, " + ending.when
		for _, a := range k.attempts(p, p.b, "behind-"+ending.tag) {
			release := sync.OnceFunc(p.b.Stall())
			waiting, leave := context.WithCancel(context.Background())
			var others sync.WaitGroup
			for range racers {
				others.Go(func() {
					defer p.recoverPanic()
					_ = k.absent(p.b)[0].call(waiting) // a read, whose answer is another rule's matter
				})
			}
			time.Sleep(stallFor / 5) // they are there, as far as one can tell
			ctx, cancel := ending.begin()
			err := p.within(ctx, a, when, func() { leave(); release() })
			leave() // first, as to release the data may take what they hold
			release()
			others.Wait()
			p.settle(k, "after that")
			p.checkInterrupted(ctx, a, err, when)
			cancel()
		}
	}
}

// outlasts makes every call at once while the data hangs, for longer than most limits of
// a store's own, and without an end of their contexts. Then the data answers again: each
// call has succeeded, or says that it could not reach the data, and no more.
func (p *probe) outlasts(k kind) {
	wait := p.cfg.Soon / 2
	attempts := k.attempts(p, p.b, "outlasting")
	answers := make([]error, len(attempts))
	release := sync.OnceFunc(p.b.Stall())
	var calls sync.WaitGroup
	for i, a := range attempts {
		calls.Go(func() {
			defer p.recoverPanic()
			answers[i] = errNoReturn
			answers[i] = a.call(p.ctx())
		})
	}
	time.Sleep(wait)
	release()
	calls.Wait()
	p.settle(k, "after that")
	for i, a := range attempts {
		when := fmt.Sprintf("while the data hangs for %v (half of Config.Soon)", wait)
		if answers[i] != nil {
			p.wantErr(answers[i], kit.ErrUnavailable, "%s %s", a.method, when)
		}
		if a.applied != nil && !a.applied() && answers[i] == nil {
			p.failf("%s %s: got no error, but it had no effect", a.method, when)
		}
	}
}

// callsBefore makes calls whose contexts end when they have returned: by a deadline, and
// because the caller is done with them. That undoes nothing, and ends no later call.
func (p *probe) callsBefore(k kind) {
	const deadline = 500 * time.Millisecond
	timed, left := k.attempts(p, p.b, "timed"), k.attempts(p, p.b, "left")
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	for _, a := range timed {
		if err := a.call(ctx); err != nil && ctx.Err() == nil {
			p.failf("%s with a deadline to come: got error %v, want none", a.method, err)
		}
	}
	inTime := ctx.Err() == nil
	for _, a := range left {
		ctx, leave := context.WithCancel(context.Background())
		p.must(a.call(ctx), "%s with a context that can be canceled", a.method)
		leave()
	}
	<-ctx.Done()
	for _, a := range k.attempts(p, p.b, "later") {
		p.must(a.call(p.ctx()), "%s when the contexts of earlier calls have ended", a.method)
	}
	for i := range timed {
		if inTime && timed[i].applied != nil && !timed[i].applied() {
			p.failf("%s when the deadline of its context has passed, after it succeeded: its effect is gone", timed[i].method)
		}
		if left[i].applied != nil && !left[i].applied() {
			p.failf("%s when its context was canceled, after it succeeded: its effect is gone", left[i].method)
		}
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
	judge := func(err error) error {
		if errors.Is(err, errNoReturn) {
			release()
			p.fatalf("%s %s: %v", a.method, when, err)
		}
		return err
	}
	select {
	case err := <-answer:
		return judge(err)
	case <-ctx.Done():
	}
	late := time.NewTimer(p.cfg.Soon)
	defer late.Stop()
	select {
	case err := <-answer:
		return judge(err)
	case <-late.C:
		release()
		p.failf("%s %s: no answer within %v (Config.Soon) of the end of its context", a.method, when, p.cfg.Soon)
		return judge(<-answer)
	}
}
