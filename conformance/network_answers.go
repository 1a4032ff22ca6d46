package conformance

import (
	"context"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// breaks are the ways in which an answer is lost in the middle.
var breaks = []struct {
	what string
	arm  func(n *Network, size int) (stop func() (ended bool))
}{
	{"its connection is reset", (*Network).ResetAfter},
	{"its connection is closed", (*Network).CloseAfter},
}

// answerRules are about answers of which only a part arrives: what a store has read
// by then is not all that there is.
func answerRules(k kind) []rule {
	return []rule{{
		id:    k.name + "/network/cut-answer",
		quote: lostQuote,
		needs: []Ability{Networking},
		prove: func(p *probe) {
			long := k.long(p, p.b)
			set := func(tag string) []attempt { return append(k.attempts(p, p.b, tag), long...) }
			for i, b := range breaks {
				for j, part := range []func(size int) int{
					func(int) int { return 1 },
					func(size int) int { return size / 2 },
					func(size int) int { return size - 1 },
				} {
					tag := fmt.Sprintf("part%d%d", i, j)
					// The same three times: to warm a connection, to learn how long
					// the answer is there, and to cut it.
					first, second, third := set(tag+"a"), set(tag+"b"), set(tag+"c")
					for n, a := range third {
						p.must(first[n].call(p.ctx()), "%s over a network that works", a.method)
						size := p.network.answerSize(func() {
							p.must(second[n].call(p.ctx()), "%s over a network that works", a.method)
						})
						if size < 2 {
							continue
						}
						stop := b.arm(p.network, part(size))
						ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Soon)
						err := a.call(ctx)
						cancel()
						when := "over a network that works"
						if stop() {
							when = fmt.Sprintf("while %s after %d of the %d bytes of its answer", b.what, part(size), size)
							p.settle(k, "after one connection was lost")
						}
						if err != nil {
							p.wantErr(err, kit.ErrUnavailable, "%s %s", a.method, when)
						}
						if a.applied != nil && !a.applied() && err == nil {
							p.failf("%s %s: got no error, but it had no effect", a.method, when)
						}
					}
				}
			}
		},
	}}
}

// tokenPageRules are about calls of more than one exchange, as a client that pages makes
// them: what has come of the first pages is not all that there is.
var tokenPageRules = []rule{{
	id:    "tokens/network/lost-page",
	quote: lostQuote,
	needs: []Ability{Networking},
	prove: func(p *probe) {
		list := tokenKind.long(p, p.b)[0]
		for _, half := range halves {
			for nth := 1; p.losesPage(list, nth, half.lose); nth++ {
			}
		}
		for nth := 1; p.losesPage(p.purgeOfMany(), nth, (*Network).LoseAnswer); nth++ {
		}
	},
}}

// halves are the two of an exchange.
var halves = []struct {
	name string
	lose func(*Network, int) func() bool
}{{"request", (*Network).LoseRequest}, {"answer", (*Network).LoseAnswer}}

// losesPage makes a call with its nth exchange lost, and reports whether there was one.
// The call itself looks at what it got.
func (p *probe) losesPage(a attempt, nth int, lose func(*Network, int) func() bool) bool {
	if nth == exchanges {
		p.fatalf(tooManyExchanges, a.method, nth)
	}
	p.settle(tokenKind, "before the next call")
	stop := lose(p.network, nth)
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Soon)
	defer cancel()
	err := a.call(ctx)
	lost := stop()
	p.settle(tokenKind, "after one connection was reset")
	if err != nil {
		p.wantErr(err, kit.ErrUnavailable, "%s while exchange %d with the server is lost", a.method, nth)
	}
	return lost
}

// purgeOfMany purges several pages of tokens, of which it makes those that are missing.
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
