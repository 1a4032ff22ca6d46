package conformance

import (
	"context"
	"errors"
	"sync"
	"time"
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
