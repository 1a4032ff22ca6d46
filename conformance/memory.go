package conformance

import (
	"context"
	"fmt"
)

// memoryRules are about the slices that a store and its caller could share.
func memoryRules(k kind) []rule {
	return []rule{
		{id: k.name + "/memory/in", quote: copiesSlices, prove: func(p *probe) {
			for i, h := range p.both() {
				method, write := "Create", record.create
				for n := range int64(3) {
					given := k.numbered(fmt.Sprint("r", i), n, max(0, n-1))
					if i == 1 {
						makeRoom(given)
					}
					want := given.clone()
					p.must(write(given, p.ctx(), h), "%s", method)
					for _, d := range diff(given, want, 1) {
						p.failf("%s changed its argument: %s", method, d)
					}
					for _, field := range outgrown(given) {
						p.failf("%s wrote behind the end of its argument's %s", method, field)
					}
					scribble(given)
					p.check(atVersion(want, n), "after the caller overwrote what it had given to "+method)
					method, write = "Update", record.update
				}
			}
		}},
		{id: k.name + "/memory/out", quote: copiesSlices, prove: func(p *probe) {
			one, two := k.fresh("one"), k.fresh("two")
			p.add(p.a, one, two)
			for _, h := range p.both() {
				for i, way := range ways(one) {
					var answers []record
					for _, read := range []func(context.Context, *handle) (record, error){way.read, way.read, ways(two)[i].read} {
						got, err := read(p.ctx(), h)
						p.must(err, "%s", way.method)
						answers = append(answers, got)
					}
					for _, got := range answers[:2] {
						p.want(got, nil, one, "what %s returned, after it was called for another record", way.method)
					}
					scribble(answers[0])
					p.want(answers[1], nil, one, "what %s returned, after the caller overwrote an earlier answer", way.method)
					p.check(one, "after the caller overwrote what "+way.method+" had returned")
				}
			}
		}},
	}
}
