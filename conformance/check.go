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
	for _, d := range diff(got, want, p.cfg.TimePrecision) {
		p.failf("%s: %s", what, d)
	}
}

// check reads the record in both ways through both handles.
func (p *probe) check(want record, when string) {
	for _, h := range p.both() {
		got, err := want.byID(p.ctx(), h)
		p.want(got, err, want, "ByID of %s through handle %s %s", brief(want.id()), h.name, when)
		got, err = want.byIndex(p.ctx(), h)
		p.want(got, err, want, "%s of %s through handle %s %s", want.index(), brief(want.id()), h.name, when)
	}
}

// checkGone wants the record absent, in both ways through both handles.
func (p *probe) checkGone(r record, when string) {
	for _, h := range p.both() {
		_, err := r.byID(p.ctx(), h)
		p.wantErr(err, kit.ErrNotFound, "ByID of %s through handle %s %s", brief(r.id()), h.name, when)
		_, err = r.byIndex(p.ctx(), h)
		p.wantErr(err, kit.ErrNotFound, "%s of %s through handle %s %s", r.index(), brief(r.id()), h.name, when)
	}
}

// happened reports whether an interrupted write has taken a record from one state to
// the other; nil stands for absence. It reads through handle b, and reports a record that is in
// neither state, or in one by its ID and in another by its index.
func (p *probe) happened(before, after record) bool {
	is := p.stateOf(before, after)
	problem := p.indexProblem(before, after, is)
	if problem != "" {
		// A write that its caller gave up may still land, once: between the two
		// reads, which then saw different moments. A second look tells.
		if again := p.stateOf(before, after); again != is {
			is, problem = again, p.indexProblem(before, after, again)
		}
	}
	if problem != "" {
		p.failf("%s", problem)
	}
	return is == after
}

// stateOf returns which of the two states ByID shows.
func (p *probe) stateOf(before, after record) record {
	at := before
	if at == nil {
		at = after
	}
	got, err := at.byID(p.ctx(), p.b)
	var distances []string
	for _, state := range []record{before, after} {
		switch {
		case state == nil && errors.Is(err, kit.ErrNotFound):
			return nil
		case state == nil:
			distances = append(distances, "absent")
		case err != nil:
			distances = append(distances, "present")
		default:
			d := diff(got, state, p.cfg.TimePrecision)
			if len(d) == 0 {
				return state
			}
			distances = append(distances, strings.Join(d, "; "))
		}
	}
	came := "a record that is neither"
	if err != nil {
		came = fmt.Sprintf("error %v", err)
	}
	p.failf("ByID of %s, after the call: got %s, want it as before the call (%s) or as after it (%s)", brief(at.id()), came, distances[0], distances[1])
	return before
}

// indexProblem says how ByEmail or ByUser disagrees with the state that ByID shows.
func (p *probe) indexProblem(before, after, is record) string {
	at, want := is, error(nil)
	for _, other := range []record{before, after} {
		if at == nil {
			at, want = other, kit.ErrNotFound
		}
	}
	index := at.index()
	got, err := at.byIndex(p.ctx(), p.b)
	if problem := errProblem(err, want); problem != "" {
		return fmt.Sprintf("%s of %s, where ByID finds it to be %s: %s", index, brief(at.id()), map[bool]string{true: "there", false: "absent"}[want == nil], problem)
	}
	if is != nil {
		if d := diff(got, is, p.cfg.TimePrecision); len(d) > 0 {
			return fmt.Sprintf("%s, which has to agree with ByID: %s", index, strings.Join(d, "; "))
		}
	}
	return ""
}
