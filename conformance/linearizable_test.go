package conformance

import (
	"fmt"
	"math"
	"testing"

	"myauth.internal/kit"
)

// TestLinearizable checks histories written by hand.
func TestLinearizable(t *testing.T) {
	read := func(begin, end, value, version int64) operation {
		return operation{what: opRead, begin: begin, end: end, value: value, version: version}
	}
	absent := func(begin, end int64) operation {
		return operation{what: opRead, begin: begin, end: end, answer: kit.ErrNotFound}
	}
	create := func(begin, end, value int64, answer error) operation {
		return operation{what: opCreate, begin: begin, end: end, value: value, answer: answer}
	}
	update := func(begin, end, value, version int64, answer error) operation {
		return operation{what: opUpdate, begin: begin, end: end, value: value, version: version, answer: answer}
	}
	remove := func(begin, end int64, answer error) operation {
		return operation{what: opDelete, begin: begin, end: end, version: anyVersion, answer: answer}
	}
	removeAt := func(begin, end, version int64, answer error) operation {
		return operation{what: opDelete, begin: begin, end: end, version: version, answer: answer}
	}
	lost := fmt.Errorf("lost: %w", kit.ErrUnavailable)
	for _, c := range []struct {
		name    string
		history history
		want    bool
	}{
		{"nothing", nil, true},
		{"one after the other", history{create(1, 2, 7, nil), read(3, 4, 7, 0), update(5, 6, 8, 0, nil), read(7, 8, 8, 1), remove(9, 10, nil), absent(11, 12)}, true},
		{"a read of what is being written, before", history{create(1, 2, 7, nil), update(3, 6, 8, 0, nil), read(4, 5, 7, 0)}, true},
		{"a read of what is being written, after", history{create(1, 2, 7, nil), update(3, 6, 8, 0, nil), read(4, 5, 8, 1)}, true},
		{"a read that goes back", history{create(1, 2, 7, nil), update(3, 8, 8, 0, nil), read(4, 5, 8, 1), read(6, 7, 7, 0)}, false},
		{"a stale read", history{create(1, 2, 7, nil), update(3, 4, 8, 0, nil), read(5, 6, 7, 0)}, false},
		{"a read of the future", history{create(1, 2, 7, nil), read(3, 4, 8, 1), update(5, 6, 8, 0, nil)}, false},
		{"two creates that win", history{create(1, 4, 7, nil), create(2, 3, 8, nil)}, false},
		{"two creates, one wins", history{create(1, 4, 7, kit.ErrUserExists), create(2, 3, 8, nil), read(5, 6, 8, 0)}, true},
		{"the loser's value", history{create(1, 4, 7, kit.ErrUserExists), create(2, 3, 8, nil), read(5, 6, 7, 0)}, false},
		{"two updates from one version", history{create(1, 2, 7, nil), update(3, 6, 8, 0, nil), update(4, 5, 9, 0, nil)}, false},
		{"a conflict without a cause", history{create(1, 2, 7, nil), update(3, 4, 8, 0, kit.ErrConflict)}, false},
		{"a delete in the middle", history{create(1, 2, 7, nil), remove(3, 8, nil), create(4, 7, 9, nil), read(9, 10, 9, 0)}, true},
		{"two deletes that win", history{create(1, 2, 7, nil), remove(3, 6, nil), remove(4, 5, nil)}, false},
		{"a lost delete", history{create(1, 2, 7, nil), remove(3, 4, nil), read(5, 6, 7, 0)}, false},
		{"a delete at its version", history{create(1, 2, 7, nil), removeAt(3, 4, 0, nil), absent(5, 6)}, true},
		{"a delete at another version", history{create(1, 2, 7, nil), removeAt(3, 4, 1, nil)}, false},
		{"a delete at another version, refused", history{create(1, 2, 7, nil), removeAt(3, 4, 1, kit.ErrConflict), read(5, 6, 7, 0)}, true},
		{"an update and a delete from one version", history{create(1, 2, 7, nil), update(3, 6, 8, 0, nil), removeAt(4, 5, 0, nil)}, false},
		{"an unknown update that happened", history{create(1, 2, 7, nil), update(3, math.MaxInt64, 8, 0, lost), read(4, 5, 7, 0), read(6, 7, 8, 1)}, true},
		{"an unknown update that did not", history{create(1, 2, 7, nil), update(3, math.MaxInt64, 8, 0, lost), read(4, 5, 7, 0), update(6, 7, 9, 0, nil)}, true},
		{"an unknown update that is overtaken", history{create(1, 2, 7, nil), update(3, math.MaxInt64, 8, 0, lost), update(4, 5, 9, 0, nil), read(6, 7, 8, 1)}, false},
		{"an unknown update that comes and goes", history{create(1, 2, 7, nil), update(3, math.MaxInt64, 8, 0, lost), read(4, 5, 8, 1), read(6, 7, 7, 0)}, false},
		{"a conflict with one's own update", history{create(1, 2, 7, nil), update(3, 8, 8, 0, kit.ErrConflict), read(4, 5, 8, 1)}, false},
		{"an unknown delete that happened", history{create(1, 2, 7, nil), remove(3, math.MaxInt64, lost), create(4, 5, 9, nil)}, true},
		{"an unknown create before another's", history{create(1, math.MaxInt64, 7, lost), create(2, 3, 8, kit.ErrConflict), read(4, 5, 7, 0)}, true},
		{"an unknown create and another's", history{create(1, math.MaxInt64, 7, lost), create(2, 3, 8, nil), read(4, 5, 7, 0)}, false},
		{"not found while it exists", history{create(1, 2, 7, nil), absent(3, 4)}, false},
	} {
		if got := linearizable(c.history); got != c.want {
			t.Errorf("%s: got %t, want %t:\n%s", c.name, got, c.want, c.history)
		}
	}
}
