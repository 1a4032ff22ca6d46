package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"myauth.internal/kit"
)

// doneContext is a context that was done before it was handed over.
type doneContext struct {
	context.Context
	why, tag string
}

func doneContexts() []doneContext {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	caused, cancelWith := context.WithCancelCause(context.Background())
	cancelWith(errors.New("the caller has gone"))
	expired, cancel := context.WithDeadline(context.Background(), epoch)
	cancel()
	return []doneContext{{canceled, "canceled", "c1"}, {caused, "canceled with a cause", "c2"}, {expired, "past its deadline", "c3"}}
}

// ctxProblem says what is wrong with an error that a done context has caused.
func ctxProblem(ctx context.Context, err error) string {
	for _, wrong := range []error{kit.ErrNotFound, kit.ErrConflict, kit.ErrUserExists} {
		if errors.Is(err, wrong) {
			return fmt.Sprintf("got error %q, want none that wraps %s", err, nameOf(wrong))
		}
	}
	switch {
	case err == nil:
		return fmt.Sprintf("got no error, want %q", ctx.Err())
	case errors.Is(err, ctx.Err()), errors.Is(err, context.Cause(ctx)), errors.Is(err, kit.ErrUnavailable):
		return ""
	}
	return fmt.Sprintf("got error %q, want one that wraps %q or kit.ErrUnavailable", err, ctx.Err())
}

// everyMethodRules are the rules that the contract gives for every method.
func everyMethodRules(k kind) []rule {
	return []rule{
		{id: k.name + "/context/done-before", quote: endsWithCtx, prove: func(p *probe) {
			for _, ctx := range doneContexts() {
				for _, a := range append(k.attempts(p, p.b, ctx.tag), k.absent(p.b)...) {
					if problem := ctxProblem(ctx, a.call(ctx)); problem != "" {
						p.failf("%s with a context that is %s: %s", a.method, ctx.why, problem)
					}
				}
			}
		}},
		{id: k.name + "/context/done-changes-nothing", quote: doneBefore, prove: func(p *probe) {
			for _, ctx := range doneContexts() {
				for _, a := range k.attempts(p, p.b, ctx.tag) {
					_ = a.call(ctx) // the answer is another rule's matter
					if a.applied != nil && a.applied() {
						p.failf("%s with a context that is %s: it took effect", a.method, ctx.why)
					}
					if a.remains != nil {
						a.remains(fmt.Sprintf("after %s with a context that was %s", a.method, ctx.why))
					}
				}
			}
		}},
		{id: k.name + "/context/done-during", quote: endsWithCtx, prove: func(p *probe) {
			// The context ends at the store's n-th look at it: a point that is
			// within the call, and the same in every run.
			long := k.long(p, p.b)
			for look := 1; look <= 12; look++ {
				attempts := k.attempts(p, p.b, fmt.Sprint("look", look))
				if look%2 == 0 {
					attempts = append(attempts, long...)
				}
				for _, a := range attempts {
					ctx := newTripContext(look)
					err := a.call(ctx)
					ctx.stop()
					p.checkInterrupted(ctx, a, err, fmt.Sprintf("with a context that is canceled at look %d of the store", look))
				}
			}
		}},
		{id: k.name + "/context/done-while-stalled", quote: endsWithCtx, needs: []Ability{Stalling}, prove: func(p *probe) {
			p.hangs(k, "stalled", "while the data hangs", p.b.Stall)
		}},
		{id: k.name + "/context/while-others-wait", quote: endsWithCtx, racy: true, needs: []Ability{Stalling}, prove: func(p *probe) {
			p.hangsBehind(k)
		}},
		{id: k.name + "/context/stall-that-ends", quote: unreachable, needs: []Ability{Stalling}, prove: func(p *probe) { p.outlasts(k) }},
		{id: k.name + "/context/ends-after-the-call", quote: visible, prove: func(p *probe) { p.callsBefore(k) }},
		{id: k.name + "/context/works-afterwards", quote: endsWithCtx, prove: func(p *probe) {
			for _, ctx := range doneContexts() {
				for range 10 { // more than a pool has connections
					for _, a := range k.absent(p.b) {
						_ = a.call(ctx)
					}
				}
				for _, a := range k.attempts(p, p.b, ctx.tag) {
					p.must(a.call(p.ctx()), "%s after calls with a context that was %s", a.method, ctx.why)
					if a.applied != nil && !a.applied() {
						p.failf("%s after calls with a context that was %s: it had no effect", a.method, ctx.why)
					}
				}
			}
		}},
		{id: k.name + "/closed/unavailable", quote: unreachable, needs: []Ability{Closing}, prove: func(p *probe) {
			attempts := p.known(append(k.attempts(p, p.a, "closed"), k.absent(p.a)...)...)
			p.close(p.a)
			for _, a := range attempts {
				p.wantErr(a.call(p.ctx()), kit.ErrUnavailable, "%s after Close", a.method)
			}
		}},
		{id: k.name + "/closed/while-called", quote: unreachable, racy: true, needs: []Ability{Closing}, prove: func(p *probe) {
			p.wantOnly(p.race(racers, func(i int, _ *handle) error {
				if i == 0 {
					runtime.Gosched()
					p.close(p.a)
					return nil
				}
				for {
					for _, a := range k.absent(p.a) {
						switch err := a.call(p.ctx()); {
						case errors.Is(err, kit.ErrUnavailable):
							return nil
						case err != nil && !errors.Is(err, kit.ErrNotFound):
							return fmt.Errorf("%s: %w", a.method, err)
						}
					}
					runtime.Gosched() // where nothing else takes turns, as under js
				}
			}), "caller %d, who goes on while another one closes the handle")
		}},
		{id: k.name + "/closed/never-not-found", quote: neverAbsent, needs: []Ability{Closing}, prove: func(p *probe) {
			absent := p.known(k.absent(p.a)...)
			p.close(p.a)
			for _, a := range absent {
				if err := a.call(p.ctx()); err == nil || errors.Is(err, kit.ErrNotFound) {
					p.failf("%s of an absent record after Close: got %v, which tells the caller that there is none", a.method, err)
				}
			}
		}},
		{id: k.name + "/ping/answers", quote: pingAnswers, needs: []Ability{Pinging}, prove: func(p *probe) {
			for _, h := range p.both() {
				p.wantErr(p.pinger(k, h).Ping(p.ctx()), nil, "Ping through handle %s", h.name)
			}
			for _, ctx := range doneContexts() {
				if problem := ctxProblem(ctx, p.pinger(k, p.a).Ping(ctx)); problem != "" {
					p.failf("Ping with a context that is %s: %s", ctx.why, problem)
				}
			}
		}},
		{id: k.name + "/ping/closed", quote: pingFails, needs: []Ability{Pinging, Closing}, prove: func(p *probe) {
			pinger := p.pinger(k, p.a)
			p.close(p.a)
			p.wantErr(pinger.Ping(p.ctx()), kit.ErrUnavailable, "Ping after Close")
		}},
	}
}

// checkInterrupted judges a call whose context ended on the way: it may have
// succeeded, and then as a whole; otherwise it says why it did not, and the
// record is as before or as after.
func (p *probe) checkInterrupted(ctx context.Context, a attempt, err error, how string) {
	if err != nil {
		if problem := ctxProblem(ctx, err); problem != "" {
			p.failf("%s %s: %s", a.method, how, problem)
		}
	}
	if a.applied != nil && !a.applied() && err == nil {
		p.failf("%s %s: got no error, but it had no effect", a.method, how)
	}
}

// pinger returns the store as a kit.Pinger, or ends the proof.
func (p *probe) pinger(k kind, h *handle) kit.Pinger {
	pinger, ok := k.ping(h)
	if !ok {
		p.fatalf("the store of %s does not implement kit.Pinger: let it, or list conformance.Pinging in Config.Without", k.name)
	}
	return watchedPinger{pinger, p.watch}
}
