package conformance

import "fmt"

// register is one record seen as a number with a version, as the literature on
// concurrent callers has it. Every field of the record that can change follows from the
// number, so a read that mixes two writes is found out.
type register struct {
	*probe
	kind kind
	name string
}

func (k kind) register(p *probe, name string) *register { return &register{p, k, name} }

// numbered returns the record of that name with that number and version.
func (k kind) numbered(name string, value, version int64) record {
	r := k.fresh(fmt.Sprint(name, ".", value)).as(k.fresh(name))
	v, number := r.numbers()
	*v, *number = version, value
	return r
}

func (r *register) at(value, version int64) record { return r.kind.numbered(r.name, value, version) }

// create adds the record with Version 0.
func (r *register) create(h *handle, value int64) error { return r.at(value, 0).create(r.ctx(), h) }

func (r *register) update(h *handle, value, version int64) error {
	return r.at(value, version).update(r.ctx(), h)
}

// delete removes the record, a token at that version only. It returns kit.ErrNotFound when
// there was nothing to remove.
func (r *register) delete(h *handle, version int64) error {
	return r.at(0, version).delete(r.ctx(), h)
}

// reads are the two ways to read value and version.
func (r *register) reads() []func(h *handle) (value, version int64, err error) {
	number := func(got record, err error) (int64, int64, error) {
		if err != nil {
			return 0, 0, err
		}
		version, value := got.numbers()
		for _, d := range diff(got, r.at(*value, *version), timePrecision) {
			r.failf("a read of a %s mixes two writes, or changes one: %s", r.kind.noun, d)
		}
		return *value, *version, nil
	}
	var reads []func(h *handle) (int64, int64, error)
	for _, way := range ways(r.at(0, 0)) {
		reads = append(reads, func(h *handle) (int64, int64, error) { return number(way.read(r.ctx(), h)) })
	}
	return reads
}

// perform makes the call of op and notes its answer.
func (r *register) perform(h *handle, op *operation) {
	switch op.what {
	case opRead, opReadAlso:
		op.value, op.version, op.answer = r.reads()[op.what](h)
	case opCreate:
		op.answer = r.create(h, op.value)
	case opUpdate:
		op.answer = r.update(h, op.value, op.version)
	case opDelete:
		if op.answer = r.delete(h, op.version); r.kind.name == userKind.name {
			op.version = anyVersion
		}
	}
}

// holds reads r in every way through both handles.
func (r *register) holds(value, version int64, when string) { r.check(r.at(value, version), when) }

// gone wants r absent, in every way, through both handles.
func (r *register) gone(when string) { r.checkGone(r.at(0, 0), when) }
