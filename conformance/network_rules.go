package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// patience is the deadline of a call that cannot succeed.
const patience = 300 * time.Millisecond

// exchanges bounds the search for the last exchange of a call with its server.
const exchanges = 64

const tooManyExchanges = "%s has %d exchanges with the server or more: the suite loses no further ones, so what becomes of the call then is not known"

// outages are the ways in which the whole network breaks.
var outages = []struct {
	name, when string
	begin      func(*Network) (end func())
}{
	{"cut", "while the server cannot be reached", (*Network).Cut},
	{"hang", "while the network hangs", (*Network).Hang},
	{"blackhole", "while the network drops everything", (*Network).Blackhole},
	{"no-connection", "while no connection can be made", func(n *Network) func() {
		n.Cut()() // a new connection is needed
		return n.Blackhole()
	}},
}

// halves are those of an exchange with the server, of which either can be lost.
var halves = []struct {
	name string
	lose func(n *Network, nth int) (stop func() (lost bool))
}{{"request", (*Network).loseRequest}, {"answer", (*Network).LoseAnswer}}

// networkRules are the rules about a server that is far away. Each runs over a Network,
// which breaks where the rule wants it.
func networkRules(k kind) []rule {
	var rules []rule
	add := func(name, quote string, prove func(p *probe)) {
		rules = append(rules, rule{id: k.name + "/" + name, quote: quote, needs: []Ability{Networking}, prove: prove})
	}
	add("network/cut", away, func(p *probe) { p.survivesCut(k) })
	for _, o := range outages[1:] {
		add("network/"+o.name, endsWithCtx, func(p *probe) {
			p.hangs(k, o.when, 0, func() func() { return o.begin(p.network) })
		})
	}
	for _, half := range halves {
		add("network/lost-"+half.name, lostAnswers, func(p *probe) {
			if k.name == tokenKind.name { // before there are others that have expired
				p.loseEach(k, half.lose, func() []attempt { return []attempt{p.purgeOfMany()} })
			}
			p.loseEach(k, half.lose, func() []attempt { return k.attempts(p, p.b) })
			long := k.long(p, p.b) // last: a test server may read all records at each call
			p.loseEach(k, half.lose, func() []attempt { return long })
		})
	}
	add("network/cut-answer", lostAnswers, func(p *probe) {
		p.cutAnswers(k, func() []attempt { return k.attempts(p, p.b) })
		long := k.long(p, p.b)
		p.cutAnswers(k, func() []attempt { return long })
	})
	add("network/recovers", worksAgain, func(p *probe) { p.recovers(k) })
	add("ping/network", pingFails, func(p *probe) { p.pingsDuringOutages(k) })
	rules[len(rules)-1].needs = []Ability{Pinging, Networking}
	return rules
}

// survivesCut makes every call while the server cannot be reached.
func (p *probe) survivesCut(k kind) {
	const when = "while the server cannot be reached"
	writes := k.attempts(p, p.b)
	all := p.known(append(writes, k.absent(p.b)...)...)
	givenUp := make([]bool, len(all))
	heal := p.network.Cut()
	for i, a := range all {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := p.within(ctx, a, when, func() {})
		givenUp[i] = err != nil && ctx.Err() != nil
		if !givenUp[i] {
			p.wantErr(err, kit.ErrUnavailable, "%s %s", a.method, when)
		} else {
			p.wantCtxErr(ctx, err, "%s %s, until the context's deadline", a.method, when)
		}
		cancel()
	}
	heal()
	p.settle(k, "after the server could not be reached")
	for i, a := range writes {
		// What the caller gave up may still come to be.
		if !givenUp[i] && a.applied != nil && a.applied() {
			p.failf("%s %s: it took effect", a.method, when)
		}
	}
}

// loseEach makes each of the calls again and again, each time with another one of its
// exchanges lost, until it has no more of them. Set prepares the calls of one round.
func (p *probe) loseEach(k kind, lose func(*Network, int) func() bool, set func() []attempt) {
	through := map[string]bool{} // methods without another exchange
	for nth := 1; ; nth++ {
		var lossy []attempt
		when := fmt.Sprintf("while exchange %d with the server is lost", nth)
		for _, a := range set() {
			if through[a.method] {
				continue
			}
			p.settle(k, "before the next call")
			stop := lose(p.network, nth)
			err := p.soon(a)
			if !stop() {
				through[a.method] = true
				p.checkOutcome(a, err, "over a network that works") // but a pool may have kept a broken connection
				continue
			}
			lossy = append(lossy, a)
			p.settle(k, "after one connection was reset")
			p.checkOutcome(a, err, when)
		}
		for _, a := range lossy {
			if a.remains != nil {
				a.remains("after " + a.method + " " + when)
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

// purgeOfMany purges several pages of tokens, of which it adds those that are missing.
func (p *probe) purgeOfMany() attempt {
	for missing := severalPages - p.count(); missing > 0; missing-- {
		p.made++
		p.addExpiring(fmt.Sprint("page ", p.made), epoch.Add(-time.Hour))
	}
	return attempt{method: "DeleteExpired of many tokens", call: func(ctx context.Context) error {
		n, err := p.b.Tokens.DeleteExpired(ctx, epoch, 1000)
		if err == nil && n != severalPages {
			p.failf("DeleteExpired of %d tokens, limit 1000, while an exchange with the server is lost: got %d and no error", severalPages, n)
		}
		return err
	}}
}

// cutAnswers makes each of the calls with a part of its answer lost: what a store has read by
// then is not all that there is.
func (p *probe) cutAnswers(k kind, set func() []attempt) {
	parts := []func(size int) int{func(int) int { return 1 }, func(size int) int { return size / 2 }, func(size int) int { return size - 1 }}
	for n := range 2 * len(parts) {
		orderly, part := n%2 == 1, parts[n/2]
		// The same three times: to warm a connection, to measure the answer, and to cut it.
		warm, measured, cut := set(), set(), set()
		for i, a := range cut {
			p.must(warm[i].call(p.ctx()), "%s over a network that works", a.method)
			size := p.network.answerSize(func() {
				p.must(measured[i].call(p.ctx()), "%s over a network that works", a.method)
			})
			if size < 2 {
				continue
			}
			when := "over a network that works"
			stop := p.network.endAfter(part(size), orderly)
			err := p.soon(a)
			if stop() {
				when = fmt.Sprintf("while its connection ends (orderly: %v) after %d of the %d bytes of its answer", orderly, part(size), size)
				p.settle(k, "after one connection was lost")
			}
			p.checkOutcome(a, err, when)
		}
	}
}

// checkOutcome checks what a call returned that may have lost an exchange. Nobody else
// did anything.
func (p *probe) checkOutcome(a attempt, err error, when string) {
	switch {
	case errors.Is(err, kit.ErrNotFound), errors.Is(err, kit.ErrConflict), errors.Is(err, kit.ErrUserExists):
		p.failf("%s %s: got error %q, want one that wraps kit.ErrUnavailable: it has met its own work", a.method, when, err)
	case err != nil:
		p.wantErr(err, kit.ErrUnavailable, "%s %s", a.method, when)
	}
	p.wantEffect(a, err, when)
}

// recovers lets outages and losses end, and wants everything to work again.
func (p *probe) recovers(k kind) {
	const when = "after the server could not be reached"
	lost := func(a attempt) { // its answer is another case's matter
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = p.within(ctx, a, "while the server cannot be reached", func() {})
	}
	absent := k.absent(p.b)
	for range 3 {
		_ = p.crowd(k) // so that a pool has many connections
		heal := p.network.Cut()
		p.race(len(absent), func(i int, _ *handle) error { lost(absent[i]); return nil })
		heal()
		p.settle(k, when)
		p.eventually(fmt.Sprintf("every one of %d callers at once, %s", racers, when), func() error { return p.crowd(k) })
	}
	for _, a := range k.attempts(p, p.b) {
		stop := p.network.LoseAnswer(1)
		lost(a)
		stop()
	}
	p.settle(k, "after answers were lost")
	p.eventually("a call of every method, after answers were lost", func() error {
		for _, a := range k.attempts(p, p.b) {
			if err := a.call(p.ctx()); err != nil {
				return fmt.Errorf("%s: %w", a.method, err)
			}
			p.wantEffect(a, nil, "after answers were lost")
		}
		return nil
	})
}

// pingsDuringOutages wants a Ping that crosses the network: one that looks only at the store's own
// state says that all is well while nothing is.
func (p *probe) pingsDuringOutages(k kind) {
	ping := attempt{method: "Ping", call: p.pinger(k, p.b).Ping}
	for _, o := range outages {
		for _, ending := range endings {
			p.must(ping.call(p.ctx()), "Ping over a network that works")
			when := o.when + ", " + ending.when
			end := o.begin(p.network)
			ctx, cancel := ending.begin()
			err := p.within(ctx, ping, when, end)
			if err == nil || ctx.Err() == nil {
				p.wantErr(err, kit.ErrUnavailable, "Ping %s", when)
			} else {
				p.wantCtxErr(ctx, err, "Ping %s", when)
			}
			cancel()
			end()
			p.eventually("Ping after that", func() error { return p.soon(ping) })
		}
	}
}
