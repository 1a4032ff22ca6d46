package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit"
)

const (
	lostQuote  = "returns an error that wraps [ErrUnavailable] when an answer is lost on the way"
	wholeQuote = "a write then has happened as a whole or not at all, and what this very call has done is never reported as a conflict with another"
	againQuote = "works again, without being opened anew, soon after the data can be reached"
)

// patience is the deadline of a call that cannot succeed.
const patience = 300 * time.Millisecond

// exchanges bounds the search for the last exchange of a call with its server. No
// store that anybody wants to wait for comes near it.
const exchanges = 64

const tooManyExchanges = "%s has %d exchanges with the server or more: the suite loses no further ones, so what becomes of the call then is not known"

// networkRules are the rules about a server that is far away. Each runs over a
// Network, which breaks where the rule wants it.
func networkRules(k kind) []rule {
	return []rule{
		{
			id:    k.name + "/network/cut",
			quote: unreachedQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				attempts := k.attempts(p, p.b, "cut")
				all := p.known(slices.Concat(attempts, k.absent(p.b))...)
				heal := p.network.Cut()
				givenUp := make([]bool, len(all))
				for i, a := range all {
					givenUp[i] = p.unreached(a)
				}
				heal()
				p.settle(k, "after the server could not be reached")
				for i, a := range attempts {
					// What the caller gave up may still come to be.
					if !givenUp[i] && a.applied != nil && a.applied() {
						p.failf("%s while the server could not be reached: it took effect", a.method)
					}
				}
			},
		},
		{
			id:    k.name + "/network/never-not-found",
			quote: notAbsentQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				attempts := p.known(append(k.attempts(p, p.b, "absent"), k.absent(p.b)...)...)
				defer p.network.Cut()()
				for _, a := range attempts {
					_, err := p.impatient(a)
					if err == nil || errors.Is(err, kit.ErrNotFound) {
						p.failf("%s while the server cannot be reached: got %v, which tells the caller that there is nothing", a.method, err)
					}
				}
			},
		},
		{
			id:    k.name + "/network/hang",
			quote: ctxQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				p.hangs(k, "hang", "while the network hangs", p.network.Hang)
			},
		},
		{
			id:    k.name + "/network/blackhole",
			quote: ctxQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				p.hangs(k, "hole", "while the network drops everything", p.network.Blackhole)
			},
		},
		{
			id:    k.name + "/network/no-connection",
			quote: ctxQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				p.hangs(k, "none", "while no connection can be made", func() func() {
					p.network.Cut()() // a new one is needed
					return p.network.Blackhole()
				})
			},
		},
		{
			id:    k.name + "/network/lost-request",
			quote: lostQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				p.loseEach(k, "lost", (*Network).LoseRequest, func(a attempt, err error, when string) {
					if err == nil && a.applied != nil && !a.applied() {
						p.failf("%s %s: got no error, but it had no effect", a.method, when)
					}
					if err != nil {
						p.wantErr(err, kit.ErrUnavailable, "%s %s", a.method, when)
					}
				}, nil)
			},
		},
		{
			id:    k.name + "/network/lost-answer",
			quote: lostQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				p.loseEach(k, "lost", (*Network).LoseAnswer, func(a attempt, err error, when string) {
					if err != nil {
						p.wantErr(err, kit.ErrUnavailable, "%s %s", a.method, when)
					}
				}, nil)
			},
		},
		{
			id:    k.name + "/network/own-work",
			quote: wholeQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				p.loseEach(k, "lost", (*Network).LoseAnswer, func(a attempt, err error, when string) {
					for _, wrong := range []error{kit.ErrNotFound, kit.ErrConflict, kit.ErrUserExists} {
						if errors.Is(err, wrong) {
							p.failf("%s %s: got error %q, though nobody else did anything", a.method, when, err)
						}
					}
					if a.applied != nil && !a.applied() && err == nil {
						p.failf("%s %s: got no error, but it had no effect", a.method, when)
					}
				}, nil)
			},
		},
		{
			id:    k.name + "/network/recovers",
			quote: againQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				for range 3 {
					p.crowd(k) // so that a pool has many connections
					heal := p.network.Cut()
					for _, a := range k.absent(p.b) {
						_, _ = p.impatient(a) // the answer is another rule's matter
					}
					heal()
					p.settle(k, "after the server could not be reached")
					p.eventually("every one of "+fmt.Sprint(racers)+" callers at once, after the server could not be reached", func() error { return p.crowd(k) })
				}
				// What has lost one answer makes the next call as before.
				for _, a := range k.attempts(p, p.b, "spoilt") {
					stop := p.network.LoseAnswer(1)
					_, _ = p.impatient(a)
					stop()
				}
				p.settle(k, "after answers were lost")
				round := 0
				p.eventually("a call of every method, after answers were lost", func() error {
					round++
					for _, a := range k.attempts(p, p.b, fmt.Sprint("again", round)) {
						if err := a.call(p.ctx()); err != nil {
							return fmt.Errorf("%s: %w", a.method, err)
						}
						if a.applied != nil && !a.applied() {
							p.failf("%s after answers were lost: it had no effect", a.method)
						}
					}
					return nil
				})
			},
		},
	}
}

// unreached makes a call while the server cannot be reached, judges its answer, and
// reports whether the caller's time was over first.
func (p *probe) unreached(a attempt) (givenUp bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	const when = "while the server cannot be reached"
	err := p.within(ctx, a, when, func() {})
	if err == nil || ctx.Err() == nil {
		p.wantErr(err, kit.ErrUnavailable, "%s %s", a.method, when)
		return false
	}
	if problem := ctxProblem(ctx, err); problem != "" {
		p.failf("%s %s, until the context's deadline: %s", a.method, when, problem)
	}
	return true
}

// impatient makes a call that cannot succeed, with a deadline of its own, and
// reports whether that was what ended it.
func (p *probe) impatient(a attempt) (ended bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = p.within(ctx, a, "while the server cannot be reached", func() {})
	return ctx.Err() != nil, err
}

// loseEach makes every call again and again, each time with another one of its
// exchanges lost, until there is none left to lose. It judges each call, and looks
// afterwards, when all calls of a round are through, at what became of those that
// lost one.
func (p *probe) loseEach(k kind, tag string, lose func(*Network, int) func() bool, judge func(a attempt, err error, when string), afterwards func(a attempt, when string)) {
	for nth := 1; ; nth++ {
		when := fmt.Sprintf("while exchange %d with the server is lost", nth)
		var lossy []attempt
		for _, a := range k.attempts(p, p.b, fmt.Sprint(tag, nth)) {
			p.settle(k, "before the next call")
			stop := lose(p.network, nth)
			ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Soon)
			err := a.call(ctx)
			cancel()
			if stop() {
				lossy = append(lossy, a)
				p.settle(k, "after one connection was reset")
				judge(a, err, when)
			} else {
				// A pool may have kept a connection that an earlier loss has broken.
				p.wantNoneBut(err, a.method+" over a network that works", kit.ErrUnavailable)
				judge(a, err, "over a network that works")
			}
		}
		if afterwards != nil {
			for _, a := range lossy {
				afterwards(a, when)
			}
		}
		if len(lossy) == 0 {
			return
		}
		if nth == exchanges {
			p.fatalf(tooManyExchanges, lossy[0].method, nth)
		}
	}
}

// settle waits until both handles work again, and ends the proof when they do not
// do so soon.
func (p *probe) settle(k kind, when string) {
	for _, h := range p.both() {
		p.eventually(fmt.Sprintf("handle %s %s", h.name, when), func() error {
			for _, a := range k.absent(h) {
				if err := p.answers(a); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// answers returns an error unless the call for an absent record does what it should.
func (p *probe) answers(a attempt) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Soon)
	defer cancel()
	err := a.call(ctx)
	if err == nil || errors.Is(err, kit.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("%s: %w", a.method, err)
}

// crowd makes calls from many goroutines at once and returns an error of one.
func (p *probe) crowd(k kind) error {
	return errors.Join(p.race(racers, func(_ int, h *handle) error {
		for _, a := range k.absent(h) {
			if err := p.answers(a); err != nil {
				return err
			}
		}
		return nil
	})...)
}

// eventually repeats a try until it succeeds, and ends the proof when that does not
// happen soon.
func (p *probe) eventually(who string, try func() error) {
	late := time.NewTimer(p.cfg.Soon)
	defer late.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			p.fatalf("%s: still does not work after %v (Config.Soon): %v", who, p.cfg.Soon, err)
		}
	}
}
