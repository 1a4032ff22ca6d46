package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"myauth.internal/kit"
)

// doneContexts are contexts that were done before they are handed over.
func doneContexts() map[string]context.Context {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	caused, cancelWith := context.WithCancelCause(context.Background())
	cancelWith(errors.New("the caller has gone"))
	expired, cancel := context.WithDeadline(context.Background(), epoch)
	cancel()
	return map[string]context.Context{"is canceled": canceled, "is canceled with a cause": caused, "is past its deadline": expired}
}

// contextRules are the rules that the contract gives for every method, as far as they
// are about contexts, Close and Ping.
func contextRules(k kind) []rule {
	return []rule{
		{id: k.name + "/context/done-before", quote: endsWithCtx, prove: func(p *probe) {
			for why, ctx := range doneContexts() {
				// More calls than a pool has connections.
				for _, a := range append(k.attempts(p, p.b), slices.Repeat(k.absent(p.b), 10)...) {
					p.wantCtxErr(ctx, a.call(ctx), "%s with a context that %s", a.method, why)
				}
				for _, a := range k.attempts(p, p.b) {
					p.must(a.call(p.ctx()), "%s after calls with a context that %s", a.method, why)
					p.wantEffect(a, nil, "after calls with a context that "+why)
				}
			}
		}},
		{id: k.name + "/context/done-changes-nothing", quote: doneBefore, prove: func(p *probe) {
			for why, ctx := range doneContexts() {
				for _, a := range k.attempts(p, p.b) {
					_ = a.call(ctx) // the answer is another case's matter
					if a.applied != nil && a.applied() {
						p.failf("%s with a context that %s: it took effect", a.method, why)
					}
					if a.remains != nil {
						a.remains(fmt.Sprintf("after %s with a context that %s", a.method, why))
					}
				}
			}
		}},
		{id: k.name + "/context/done-during", quote: endsWithCtx, prove: func(p *probe) {
			// The context ends at the store's n-th look at it: a point that is
			// within the call, and the same in every run.
			interrupt := func(look int, attempts []attempt) {
				for _, a := range attempts {
					ctx := newTripContext(look)
					err := a.call(ctx)
					ctx.stop()
					p.checkInterrupted(ctx, a, err, fmt.Sprintf("with a context that is canceled at look %d of the store", look))
				}
			}
			for look := 1; look <= 12; look++ {
				interrupt(look, k.attempts(p, p.b))
			}
			long := k.long(p, p.b) // last: a test server may read all records at each call
			for look := 2; look <= 12; look += 2 {
				interrupt(look, long)
			}
		}},
		{id: k.name + "/context/done-while-stalled", quote: endsWithCtx, racy: true, needs: []Ability{Stalling}, prove: func(p *probe) {
			p.hangs(k, "while the data hangs", 0, p.b.Stall)
			p.hangs(k, "while the data hangs and others wait for it", racers, p.b.Stall)
		}},
		{id: k.name + "/context/stall-that-ends", quote: unreachable, needs: []Ability{Stalling}, prove: func(p *probe) { p.stallThatEnds(k) }},
		{id: k.name + "/context/ends-after-the-call", quote: visible, prove: func(p *probe) { p.endsAfterCall(k) }},
		{id: k.name + "/closed/unavailable", quote: away, needs: []Ability{Closing}, prove: func(p *probe) {
			attempts := p.known(append(k.attempts(p, p.a), k.absent(p.a)...)...)
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
		{id: k.name + "/ping/answers", quote: pingAnswers, needs: []Ability{Pinging}, prove: func(p *probe) {
			for _, h := range p.both() {
				p.wantErr(p.pinger(k, h).Ping(p.ctx()), nil, "Ping through handle %s", h.name)
			}
			for why, ctx := range doneContexts() {
				p.wantCtxErr(ctx, p.pinger(k, p.a).Ping(ctx), "Ping with a context that %s", why)
			}
		}},
		{id: k.name + "/ping/closed", quote: pingFails, needs: []Ability{Pinging, Closing}, prove: func(p *probe) {
			pinger := p.pinger(k, p.a)
			p.close(p.a)
			p.wantErr(pinger.Ping(p.ctx()), kit.ErrUnavailable, "Ping after Close")
		}},
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
