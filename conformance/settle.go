package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// settle waits until both handles work again, and ends the proof when that takes longer
// than Config.Soon.
func (p *probe) settle(k kind, when string) {
	for _, h := range p.both() {
		p.eventually(fmt.Sprintf("handle %s %s", h.name, when), func() error { return p.answers(k, h) })
	}
}

// answers makes the calls for absent records, and returns an error unless each does what
// it should.
func (p *probe) answers(k kind, h *handle) error {
	for _, a := range k.absent(h) {
		if err := p.soon(a); err != nil && !errors.Is(err, kit.ErrNotFound) {
			return fmt.Errorf("%s: %w", a.method, err)
		}
	}
	return nil
}

// soon makes a call with Config.Soon as its deadline.
func (p *probe) soon(a attempt) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Soon)
	defer cancel()
	return a.call(ctx)
}

// crowd is answers for many callers at once. It returns the errors.
func (p *probe) crowd(k kind) error {
	return errors.Join(p.race(racers, func(_ int, h *handle) error { return p.answers(k, h) })...)
}

// eventually repeats a try until it succeeds, and ends the proof when that takes longer
// than Config.Soon.
func (p *probe) eventually(who string, try func() error) {
	late := time.NewTimer(p.cfg.Soon)
	defer late.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			p.fatalf("%s: still does not work after %v (Config.Soon): %v", who, p.cfg.Soon, err)
		}
	}
}
