package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"myauth.internal/kit"
)

const (
	concurrentQuote = "is safe for concurrent use, also through several handles and processes that share the data"
	oneVersionQuote = "Of any number of concurrent calls with one Version exactly one succeeds."
)

// Sentences that the two contracts word differently.
var (
	createQuotes = map[string]string{
		"users":  "of any number of concurrent calls for one address exactly one succeeds",
		"tokens": "of any number of concurrent calls for one ID exactly one succeeds",
	}
	updateQuotes = map[string]string{
		"users":  "Update replaces the record with u's ID by u, but only while the stored Version is u.Version",
		"tokens": "Update replaces the record with t's ID by t, but only while the stored Version is t.Version",
	}
	deleteQuotes = map[string]string{
		"users":  "of any number of concurrent calls exactly one succeeds",
		"tokens": "of any number of concurrent calls exactly one is told true",
	}
)

// concurrencyRules are the rules about callers that meet on one record.
func concurrencyRules(k kind) []rule {
	return []rule{
		{
			id:    k.name + "/update/one-winner",
			quote: oneVersionQuote,
			racy:  true,
			prove: func(p *probe) {
				r := k.register(p, "one")
				p.must(r.create(p.a, 100), "Create")
				for version := range int64(rounds) {
					answers := p.race(racers, func(i int, h *handle) error { return r.update(h, version*100+int64(i), version) })
					winner := p.wantOneWinner(answers, fmt.Sprintf("Update at Version %d", version), kit.ErrConflict)
					if winner < 0 {
						return
					}
					p.wantRegister(r, version*100+int64(winner), version+1, "after the race: it is not what the winner wrote")
				}
			},
		},
		{
			id:    k.name + "/update/no-lost-update",
			quote: updateQuotes[k.name],
			racy:  true,
			prove: func(p *probe) {
				const each = 5
				r := k.register(p, "sum")
				p.must(r.create(p.a, 0), "Create")
				p.wantOnly(p.race(racers, func(_ int, h *handle) error {
					for range each {
						if err := increment(r, h); err != nil {
							return err
						}
					}
					return nil
				}), "caller %d, which adds 1 by read and Update until it is accepted")
				p.wantRegister(r, racers*each, racers*each, fmt.Sprintf("after %d callers added 1, %d times each", racers, each))
			},
		},
		{
			id:    k.name + "/delete/one-winner",
			quote: deleteQuotes[k.name],
			racy:  true,
			prove: func(p *probe) {
				for round := range rounds {
					r := k.register(p, "r"+string('a'+rune(round)))
					p.must(r.create(p.a, 1), "Create")
					answers := p.race(racers, func(_ int, h *handle) error { return r.delete(h) })
					p.wantOneWinner(answers, "Delete", kit.ErrNotFound)
					p.wantNoRegister(r, "after Delete")
				}
			},
		},
		{
			id:    k.name + "/create/one-winner",
			quote: createQuotes[k.name],
			racy:  true,
			prove: func(p *probe) {
				for round := range rounds {
					r := k.register(p, "r"+string('a'+rune(round)))
					answers := p.race(racers, func(i int, h *handle) error { return r.create(h, int64(i)) })
					if winner := p.wantOneWinner(answers, "Create", r.taken); winner >= 0 {
						p.wantRegister(r, int64(winner), 0, "after the race: it is not what the winner wrote")
					}
				}
			},
		},
		{
			id:    k.name + "/concurrent/whole-records",
			quote: concurrentQuote,
			racy:  true,
			prove: func(p *probe) {
				r := k.register(p, "one")
				p.must(r.create(p.a, 0), "Create")
				var writing atomic.Bool
				writing.Store(true)
				p.wantOnly(p.race(racers, func(i int, h *handle) error {
					if i == 0 {
						defer writing.Store(false)
						for n := range int64(40) {
							if err := again(kit.ErrConflict, func() error { return r.update(h, n+1, n) }); err != nil {
								return err
							}
						}
						return nil
					}
					for last := int64(0); writing.Load(); {
						// The register itself compares every field.
						_, version, err := r.reads()[i/2%2](h) // both ways through both handles
						if errors.Is(err, kit.ErrUnavailable) {
							continue
						}
						if err != nil {
							return err
						}
						if version < last {
							return fmt.Errorf("a read at Version %d after one at %d", version, last)
						}
						last = version
						runtime.Gosched() // where nothing else takes turns, as under js
					}
					return nil
				}), "caller %d (0 writes, the others read)")
			},
		},
		{
			id:    k.name + "/concurrent/linearizable",
			quote: concurrentQuote,
			racy:  true,
			prove: func(p *probe) {
				for round := range 2 * rounds {
					p.wantLinearizable(recordHistory(p, k.register(p, "r"+string('a'+rune(round))), uint64(round), atRandom), "")
				}
			},
		},
	}
}

// maxAttempts bounds how often an update is tried again. Each refusal means that
// somebody else's update was accepted, so there are fewer than this in a case.
const maxAttempts = 1000

// increment adds one to r by compare-and-swap.
func increment(r *register, h *handle) error {
	for range maxAttempts {
		value, version, err := r.read(h)
		if err != nil {
			return err
		}
		if err := r.update(h, value+1, version); !errors.Is(err, kit.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("an Update after a read was refused %d times", maxAttempts)
}
