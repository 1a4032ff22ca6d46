package kit_test

import (
	"errors"
	"testing"

	"myauth.internal/kit"
)

// probe is a feature that lets a test do what features may do.
type probe struct {
	name string
	kit.Extension
	core *kit.Core
}

func (p *probe) Name() string { return p.name }

func (p *probe) Attach(core *kit.Core) (kit.Extension, error) {
	if p.core != nil {
		return kit.Extension{}, errors.New("it serves another Service")
	}
	p.core = core
	return p.Extension, nil
}

// probes returns a harness, and the Cores of two instances over its stores.
func probes(t *testing.T, change ...func(*kit.Options)) (*harness, [2]*kit.Core) {
	t.Helper()
	first, second := &probe{name: "probe"}, &probe{name: "probe"}
	h := newHarness(t, append([]func(*kit.Options){withFactor, func(o *kit.Options) { o.Features = append(o.Features, first) }}, change...)...)
	h.over(h.faults.Stores(h.store.Stores()), func(o *kit.Options) { o.Features = []kit.Feature{countingFactor{}, second} })
	return h, [2]*kit.Core{first.core, second.core}
}
