package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// kind is one of the two contracts, for the cases that both share.
type kind struct {
	name string // users or tokens: the first part of the cases' ids
	noun string // what the contract calls a record
	ping func(h *handle) (kit.Pinger, bool)

	// fresh returns a record whose fields are all set and differ from one name to
	// another.
	fresh func(name string) record
	// texted returns a record with the text in every field that holds any.
	texted func(name, text string) record
	// odd returns records of other kinds than fresh does.
	odd func() []record
	// changes change every field that an Update can change, one or a few at a time.
	changes []func(r record)
	// ids are such that a folding, a collation, a pattern or a column of numbers takes
	// one for another.
	ids []string

	// updates are the Updates among the attempts, by what they are called.
	updates []change
	// long prepares records, and returns calls with long answers.
	long func(p *probe, h *handle) []attempt
	// remains reports what an interrupted write has left behind of a record in one of
	// these states, nil for absence, other than the record itself.
	remains func(p *probe, when string, states ...record)
}

// change is an Update, and what it is called.
type change struct {
	method string
	make   func(r record)
}

// attempt is one call of one method.
type attempt struct {
	method string
	call   func(ctx context.Context) error
	// applied reads back whether a write took effect. It reports a state that
	// is neither before nor after the write. Nil for a method that only reads.
	applied func() bool
	// remains looks for what an interrupted write has left behind besides, and
	// reports it. It writes, and so comes after everything else; those of one set
	// run in their order. Nil where nothing can remain.
	remains func(when string)
}

// attempts prepares records, and returns one call of every method on them through h.
func (k kind) attempts(p *probe, h *handle) []attempt {
	p.made++
	n := 0
	next := func(name string) record {
		r := k.fresh(fmt.Sprintf("%s-%d-%d", name, p.made, n))
		if t, ok := r.(*token); ok { // which expire at a time each, and those of one set in their order
			t.ExpiresAt = epoch.AddDate(0, 0, p.made).Add(time.Duration(3*n) * time.Hour)
		}
		n++
		return r
	}
	write := func(method string, before, after record, call func(ctx context.Context) error) attempt {
		if before != nil {
			p.add(p.a, before)
		}
		return attempt{method, call, func() bool { return p.happened(before, after) }, func(when string) { k.remains(p, when, before, after) }}
	}
	var all []attempt
	if expired, ok := next("expired").(*token); ok {
		expired.ExpiresAt = time.Unix(int64(p.made), 0).UTC() // before those of all sets
		all = append(all, write("DeleteExpired", expired, nil, func(ctx context.Context) error {
			n, err := h.Tokens.DeleteExpired(ctx, expired.ExpiresAt, 1000)
			if err == nil && n < 1 {
				p.failf("DeleteExpired with an expired token in the store: got %d and no error", n)
			}
			return err
		}))
	}
	fresh := next("fresh")
	all = append(all, write("Create", nil, fresh, func(ctx context.Context) error { return fresh.clone().create(ctx, h) }))
	for _, update := range k.updates {
		before := next("updated")
		changed := before.clone()
		update.make(changed)
		after := changed.clone()
		bump(after)
		all = append(all, write(update.method, before, after, func(ctx context.Context) error { return changed.clone().update(ctx, h) }))
	}
	gone, kept := next("deleted"), next("read")
	all = append(all, write("Delete", gone, nil, func(ctx context.Context) error { return gone.delete(ctx, h) }))
	p.add(p.a, kept)
	return append(all, p.reads(kept, h)...)
}

// reads are all calls that read the record.
func (p *probe) reads(r record, h *handle) []attempt {
	var all []attempt
	for _, way := range ways(r) {
		all = append(all, p.reading(way, r, h))
	}
	if u, ok := r.(*user); ok {
		all = append(all, p.listings(h, u)...)
	}
	return all
}

// reading is a call that reads a record, which must come back as it is or not at all.
func (p *probe) reading(way way, want record, h *handle) attempt {
	return attempt{method: way.method, call: func(ctx context.Context) error {
		got, err := way.read(ctx, h)
		if err == nil {
			p.want(got, nil, want, "%s", way.method)
		}
		return err
	}}
}

// absent returns one call of every method on a record that does not exist; the first one
// reads.
func (k kind) absent(h *handle) []attempt {
	ghost := k.fresh("ghost")
	var all []attempt
	for _, way := range ways(ghost) {
		all = append(all, attempt{method: way.method, call: func(ctx context.Context) error { _, err := way.read(ctx, h); return err }})
	}
	all = append(all,
		attempt{method: "Update", call: func(ctx context.Context) error { return ghost.update(ctx, h) }},
		attempt{method: "Delete", call: func(ctx context.Context) error { return ghost.delete(ctx, h) }},
	)
	if k.name == "tokens" {
		all = append(all, attempt{method: "DeleteExpired", call: func(ctx context.Context) error {
			_, err := h.Tokens.DeleteExpired(ctx, time.Unix(-1, 0), 10)
			return err
		}})
	}
	return all
}

// known makes every call that only reads, so that the handle has seen what it is
// asked for again when the data is out of reach, and returns all of them.
func (p *probe) known(attempts ...attempt) []attempt {
	for _, a := range attempts {
		if a.applied == nil {
			if err := a.call(p.ctx()); !errors.Is(err, kit.ErrNotFound) {
				p.must(err, "%s", a.method)
			}
		}
	}
	return attempts
}
