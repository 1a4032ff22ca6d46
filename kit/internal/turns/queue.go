// Package turns is a bounded queue that is fair to its sources. The sources take turns,
// and a full queue refuses a value of the source with the most in it. So a client with a
// thousand values delays its own, and another client's by one turn.
package turns

import "container/list"

// Queue holds values in order of their arrival within each source, and returns one of each
// source in turn. Its memory is bounded by its capacity, whatever the number of sources. It
// is not safe for concurrent use: the caller has a lock.
type Queue[T any] struct {
	capacity int
	length   int
	lines    map[Source]*line[T]
	order    list.List // of *line[T]: whose turn comes first
}

// line is what one source has waiting, at least one place.
type line[T any] struct {
	source Source
	places list.List // of *Place[T]
	turn   *list.Element
}

// Place is where a value waits.
type Place[T any] struct {
	value   T
	line    *line[T]
	element *list.Element // nil once the value has left
}

// Value returns what waits at p, or waited.
func (p *Place[T]) Value() T { return p.value }

// New returns an empty queue for at most capacity values, at least 1.
func New[T any](capacity int) *Queue[T] {
	return &Queue[T]{capacity: capacity, lines: map[Source]*line[T]{}}
}

// Len returns how many values wait.
func (q *Queue[T]) Len() int { return q.length }

// Push adds value behind the other values of its source. A full queue refuses one value:
// the newest of the source with the most, if that has more than source would then have,
// and otherwise value itself. full reports that refused is such a value; place is nil if
// it is value.
func (q *Queue[T]) Push(source Source, value T) (place *Place[T], refused T, full bool) {
	if q.length >= q.capacity {
		full = true
		longest := q.longest()
		own := 0
		if l := q.lines[source]; l != nil {
			own = l.places.Len()
		}
		if longest.places.Len() <= own+1 {
			return nil, value, true
		}
		newest := longest.places.Back().Value.(*Place[T])
		refused = newest.value
		q.Remove(newest)
	}
	l := q.lines[source]
	if l == nil {
		l = &line[T]{source: source}
		l.turn = q.order.PushBack(l)
		q.lines[source] = l
	}
	place = &Place[T]{value: value, line: l}
	place.element = l.places.PushBack(place)
	q.length++
	return place, refused, full
}

// longest looks at every source, of which there are at most capacity. Only a full queue
// calls it.
func (q *Queue[T]) longest() *line[T] {
	var longest *line[T]
	for e := q.order.Front(); e != nil; e = e.Next() {
		if l := e.Value.(*line[T]); longest == nil || l.places.Len() > longest.places.Len() {
			longest = l
		}
	}
	return longest
}

// Pop removes and returns the oldest value of the source whose turn it is, and false
// when nothing waits.
func (q *Queue[T]) Pop() (value T, ok bool) {
	first := q.order.Front()
	if first == nil {
		return value, false
	}
	place := first.Value.(*line[T]).places.Front().Value.(*Place[T])
	q.order.MoveToBack(first)
	q.Remove(place)
	return place.value, true
}

// Find returns the place of a value that is ok, or nil. It looks at every value.
func (q *Queue[T]) Find(ok func(T) bool) *Place[T] {
	for l := q.order.Front(); l != nil; l = l.Next() {
		for e := l.Value.(*line[T]).places.Front(); e != nil; e = e.Next() {
			if p := e.Value.(*Place[T]); ok(p.value) {
				return p
			}
		}
	}
	return nil
}

// Remove takes a value out of the queue, and reports whether it was still there.
func (q *Queue[T]) Remove(p *Place[T]) bool {
	if p.element == nil {
		return false
	}
	l := p.line
	l.places.Remove(p.element)
	p.element = nil
	q.length--
	if l.places.Len() == 0 {
		q.order.Remove(l.turn)
		delete(q.lines, l.source)
	}
	return true
}
