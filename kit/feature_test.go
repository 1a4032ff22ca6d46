package kit_test

import (
	"crypto/rand"
	"errors"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/seal"
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

func dataKeys(t *testing.T) *seal.Keyring {
	t.Helper()
	key := make([]byte, seal.KeySize)
	rand.Read(key)
	keys, err := seal.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// probes returns a harness, and the Cores of two instances over its stores.
func probes(t *testing.T, change ...func(*kit.Options)) (*harness, [2]*kit.Core) {
	t.Helper()
	first := &probe{name: "probe"}
	keys := dataKeys(t)
	h := newHarness(t, append([]func(*kit.Options){func(o *kit.Options) {
		o.Features, o.DataKeys = []kit.Feature{first}, keys
	}}, change...)...)
	second := &probe{name: "probe"}
	h.over(h.faults.Stores(h.store.Stores()), func(o *kit.Options) { o.Features = []kit.Feature{second} })
	return h, [2]*kit.Core{first.core, second.core}
}
