// Package metrics counts what a [kit.Service] does, for Prometheus: requests, calls of stores,
// password hashes and mails by outcome and duration, events by kind, and the lengths of queues. It
// is a [kit.Feature] and an [http.Handler], and needs no library:
//
//	m := metrics.New()
//	svc, err := kit.New(stores, keys, &kit.Options{Features: []kit.Feature{m}})
//	go http.ListenAndServe("127.0.0.1:9090", m) // not on the public listener
//
// The labels are the names and outcomes of a [kit.Operation] and the kinds of events. No user, address
// or token is among them, and their number is bounded, whatever clients send. The README beside this
// package lists the metrics, and alerts that are worth having.
package metrics

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"myauth.internal/kit"
)

// Metrics has the counters of one Service. It is safe for concurrent use, and an observation
// neither locks nor allocates. Make one with [New].
type Metrics struct {
	core atomic.Pointer[kit.Core]

	requests, stores, hashes, mails set[operation]
	events                          set[atomic.Uint64]
	observations                    sync.Pool
}

// New returns the metrics of one Service, which lists them in Options.Features.
func New() *Metrics {
	m := &Metrics{
		requests: set[operation]{limit: maxNames}, stores: set[operation]{limit: maxNames},
		hashes: set[operation]{limit: maxNames}, mails: set[operation]{limit: maxNames},
		events: set[atomic.Uint64]{limit: maxNames},
	}
	m.observations.New = func() any {
		o := &observation{pool: &m.observations}
		o.end = o.done
		return o
	}
	return m
}

// Name returns "metrics".
func (m *Metrics) Name() string { return "metrics" }

// Attach is called by [kit.New]. An error says that m counts for another Service already.
func (m *Metrics) Attach(core *kit.Core) (kit.Extension, error) {
	if !m.core.CompareAndSwap(nil, core) {
		return kit.Extension{}, errors.New("metrics: a Metrics serves one Service: make another with New")
	}
	return kit.Extension{
		Trace:   m.trace,
		Observe: func(_ context.Context, e kit.Event) { m.events.get(string(e.Kind)).Add(1) },
	}, nil
}

// of returns the operations of one kind; nil for a kind that is counted nowhere.
func (m *Metrics) of(kind kit.OperationKind) *set[operation] {
	switch kind {
	case kit.OperationRequest:
		return &m.requests
	case kit.OperationStore:
		return &m.stores
	case kit.OperationHash:
		return &m.hashes
	case kit.OperationMail:
		return &m.mails
	}
	return nil
}

func (m *Metrics) trace(_ context.Context, op kit.Operation) (context.Context, func(string)) {
	operations := m.of(op.Kind)
	if operations == nil {
		return nil, nil
	}
	o := m.observations.Get().(*observation)
	o.of, o.began = operations.get(op.Name), time.Now()
	return nil, o.end
}

// observation is an operation that has begun. They are used again, so that none is allocated: the
// Service calls end once.
type observation struct {
	pool  *sync.Pool
	end   func(outcome string) // done
	of    *operation
	began time.Time
}

func (o *observation) done(outcome string) {
	o.of.get(outcome).observe(time.Since(o.began))
	o.of = nil
	o.pool.Put(o)
}

// bounds are the upper bounds of the buckets of durations: a query, a password hash (some hundred
// milliseconds), and what waits for a queue, a store or a relay.
var bounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// operation counts what has one name: a histogram for each outcome, since a refusal at once says
// nothing about how long the others took.
type operation = set[histogram]

// histogram counts each observation in one bucket.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64 // the last one: longer than all bounds
	nanos   atomic.Int64                   // of all together
}

func (h *histogram) observe(took time.Duration) {
	i := 0
	for i < len(bounds) && took > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.nanos.Add(int64(took))
}
