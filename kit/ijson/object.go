package ijson

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxDepth bounds the maxDepth of [Object]; a greater one means this. It keeps
// the stack small, whatever the caller asks for.
const MaxDepth = 1000

// Object reads data, which must be exactly one JSON object in valid UTF-8, with
// white space around it or not. Objects and arrays may be nested maxDepth deep,
// where the outer object counts 1. No object in it, at any depth, may have two
// members whose names are equal once their escapes are resolved.
//
// When all of data has been found valid, and only then, member is called once
// for each member of the outer object, in the order of the text, with the name,
// escapes resolved, and the value, a part of data without the space around it.
// Names match nothing but themselves, case included. An error of member ends the
// walk and is returned as it is. A nil member only validates.
//
// The error is otherwise [ErrSyntax], [ErrDuplicate], [ErrDepth] or [ErrUTF8]
// with an offset; where data has several faults, any of them may be the one
// reported. The time is at most n log n in the size of data.
func Object(data []byte, maxDepth int, member func(key string, value []byte) error) error {
	if !utf8.Valid(data) {
		return &offsetError{ErrUTF8, invalidAt(data)}
	}
	var seen [fewKeys]name
	var found [fewKeys]found
	s := scanner{data: data, depth: min(maxDepth, MaxDepth)}
	s.space()
	if !s.at('{') {
		return s.fail(ErrSyntax)
	}
	members, err := s.object(seen[:0], found[:0])
	if err != nil {
		return err
	}
	s.space()
	if s.pos != len(data) {
		return s.fail(ErrSyntax)
	}
	if member == nil || len(members) == 0 {
		return nil
	}
	names := joinNames(members)
	for i := range members {
		m := &members[i]
		key := names[:len(m.key)]
		names = names[len(m.key):]
		// The capacity ends with the value, so that appending to it cannot
		// write over the rest of data.
		if err := member(key, data[m.start:m.end:m.end]); err != nil {
			return err
		}
	}
	return nil
}

// joinNames makes one string of all names, so that they cost one allocation.
func joinNames(members []found) string {
	size := 0
	for i := range members {
		size += len(members[i].key)
	}
	var b strings.Builder
	b.Grow(size)
	for i := range members {
		b.Write(members[i].key)
	}
	return b.String()
}

// found is one member of the outer object: its name and where its value is.
type found struct {
	key        []byte
	start, end int
}

// name is the name of a member, escapes resolved, and where it stands.
type name struct {
	key []byte
	pos int
}

// fewKeys is the number of members up to which comparing each name with all the
// others is faster than sorting them.
const fewKeys = 16

// knows reports whether a name equal to n is among the first few of an object.
func knows(seen []name, n name) bool {
	for i := range seen {
		if bytes.Equal(seen[i].key, n.key) {
			return true
		}
	}
	return false
}

// distinct looks for two equal names among those of an object that has too many
// of them to compare each with every other: it sorts them.
func distinct(seen []name) error {
	slices.SortFunc(seen, func(a, b name) int { return bytes.Compare(a.key, b.key) })
	for i := 1; i < len(seen); i++ {
		if bytes.Equal(seen[i-1].key, seen[i].key) {
			return &offsetError{ErrDuplicate, max(seen[i-1].pos, seen[i].pos)}
		}
	}
	return nil
}

// invalidAt returns the offset of the first byte that is not UTF-8.
func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}
