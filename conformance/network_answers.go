package conformance

import (
	"context"
	"fmt"

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
