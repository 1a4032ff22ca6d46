package conformance

import (
	"context"

	"myauth.internal/kit"
)

// pingNetworkRules are about a Ping that has to cross the network: one that looks
// only at the store's own state says that all is well while nothing is.
func pingNetworkRules(k kind) []rule {
	return []rule{{
		id:    k.name + "/ping/network",
		quote: pingUnavailable,
		needs: []Ability{Pinging, Networking},
		prove: func(p *probe) {
			ping := attempt{method: "Ping", call: p.pinger(k, p.b).Ping}
			for _, fault := range []struct {
				when  string
				begin func() (end func())
			}{
				{"while the server cannot be reached", p.network.Cut},
				{"while the network hangs", p.network.Hang},
				{"while the network drops everything", p.network.Blackhole},
			} {
				for _, ending := range endings {
					// It has just answered, and so have others.
					p.must(ping.call(p.ctx()), "Ping over a network that works")
					end := fault.begin()
					ctx, cancel := ending.begin()
					err := p.within(ctx, ping, fault.when, end)
					how := fault.when + ", " + ending.when
					if err != nil && ctx.Err() != nil {
						if problem := ctxProblem(ctx, err); problem != "" {
							p.failf("Ping %s: %s", how, problem)
						}
					} else {
						p.wantErr(err, kit.ErrUnavailable, "Ping %s", how)
					}
					cancel()
					end()
					p.eventually("Ping after that", func() error {
						ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Soon)
						defer cancel()
						return ping.call(ctx)
					})
				}
			}
		},
	}}
}
