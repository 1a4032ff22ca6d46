package conformance

import (
	"errors"
	"fmt"
	"strings"

	"myauth.internal/kit"
)

// again repeats a write of which no other caller makes the like, where a store says that it
// does not know whether it happened. It happened when done is then the answer.
func again(done error, write func() error) error {
	err := write()
	for try := 0; try < 3 && errors.Is(err, kit.ErrUnavailable); try++ {
		if err = write(); errors.Is(err, done) {
			return nil
		}
	}
	return err
}

// add creates the records through h, or ends the proof.
func (p *probe) add(h *handle, records ...record) {
	for _, r := range records {
		p.must(again(r.taken(), func() error { return r.clone().create(p.ctx(), h) }), "Create of %s", brief(r.id()))
	}
}

// want reports the fields in which a record that was read differs from the one wanted.
func (p *probe) want(got record, err error, want record, what string, args ...any) {
	what = fmt.Sprintf(what, args...)
	if err != nil {
		p.failf("%s: got error %v, want the record %s", what, err, brief(want.id()))
		return
	}
	for _, d := range diff(got, want, timePrecision) {
		p.failf("%s: %s", what, d)
	}
}

// wantBoth makes a call through both handles and wants that error, or none, from each.
func (p *probe) wantBoth(want error, call func(h *handle) error, what string, args ...any) {
	for _, h := range p.both() {
		p.wantErr(call(h), want, "%s, through handle %s", fmt.Sprintf(what, args...), h.name)
	}
}

// check reads the record in both ways through both handles.
func (p *probe) check(want record, when string) {
	for _, h := range p.both() {
		for _, way := range ways(want) {
			got, err := way.read(p.ctx(), h)
			p.want(got, err, want, "%s through handle %s %s", way.call, h.name, when)
		}
	}
}

// checkGone wants the record absent, in both ways through both handles.
func (p *probe) checkGone(r record, when string) {
	for _, h := range p.both() {
		for _, way := range ways(r) {
			_, err := way.read(p.ctx(), h)
			p.wantErr(err, kit.ErrNotFound, "%s through handle %s %s", way.call, h.name, when)
		}
	}
}

// happened reports whether an interrupted write has taken a record from one state to
// the other; nil stands for absence. It reads through handle b, and reports a record that
// is in neither state. What lands in between is seen by the second look.
func (p *probe) happened(before, after record) bool {
	at := before
	if at == nil {
		at = after
	}
	notBefore := p.notIn(before, at)
	if notBefore == "" {
		return false
	}
	if notAfter := p.notIn(after, at); notAfter != "" {
		p.failf("after the call the record is neither as before it (%s) nor as after it (%s)", notBefore, notAfter)
	}
	return true
}

// notIn says why the record, which is found as at is, is not in a state, or returns "".
func (p *probe) notIn(state, at record) string {
	want := kit.ErrNotFound
	if state != nil {
		at, want = state, nil
	}
	for _, way := range ways(at) {
		got, err := way.read(p.ctx(), p.b)
		if problem := errProblem(err, want); problem != "" {
			return way.call + ": " + problem
		}
		if state != nil {
			if d := diff(got, state, timePrecision); len(d) > 0 {
				return way.call + ": " + strings.Join(d, "; ")
			}
		}
	}
	return ""
}
