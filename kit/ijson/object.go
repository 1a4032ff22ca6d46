package ijson

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// The errors of [Object] wrap one of the first four; the functions that read a value
// return ErrType. No error contains any of the input.
var (
	// ErrSyntax: the text is not exactly one JSON object. A byte order mark, and
	// anything but white space after the object, are such errors too.
	ErrSyntax = errors.New("ijson: not exactly one JSON object")
	// ErrDuplicate: an object, at any depth, has two members of one name.
	ErrDuplicate = errors.New("ijson: two members of one name in an object")
	// ErrDepth: objects and arrays are nested deeper than allowed.
	ErrDepth = errors.New("ijson: nested too deep")
	// ErrUTF8: the text is not UTF-8, or it escapes half of a surrogate pair.
	ErrUTF8 = errors.New("ijson: not valid Unicode text")
	// ErrType: a value is not of the type asked for, or not a JSON value at all.
	ErrType = errors.New("ijson: a value of another type")
)

// MaxDepth bounds the maxDepth of [Object]; a greater one means this. It keeps
// the stack small.
const MaxDepth = 1000

// Object reads data, which must be exactly one JSON object in valid UTF-8, with or
// without white space around it. Objects and arrays may be nested maxDepth deep,
// where the outer object counts 1. No object in it, at any depth, may have two
// members whose names are equal once their escapes are resolved.
//
// When all of data has been found valid, and only then, Object calls read once for
// each member of the outer object, in the order of the text, with the name, escapes
// resolved, and the value, a part of data without the space around it. The caller
// compares names byte for byte, case included, and does not change them. An error of
// read ends the walk and is returned as it is. A nil read only validates.
//
// Otherwise the error is [ErrSyntax], [ErrDuplicate], [ErrDepth] or [ErrUTF8]; where
// data has several faults, any of them may be the one reported. The time is at most
// n log n in the size of data.
func Object(data []byte, maxDepth int, read func(name, value []byte) error) error {
	if !utf8.Valid(data) {
		return ErrUTF8
	}
	var room [few]member
	s := scanner{data: data, depth: min(maxDepth, MaxDepth)}
	s.space()
	if !s.at('{') {
		return ErrSyntax
	}
	members, err := s.object(room[:0])
	if err == nil {
		s.space()
		if s.pos != len(data) {
			err = ErrSyntax
		}
	}
	if err != nil {
		return fmt.Errorf("%w, at byte %d", err, s.pos)
	}
	if read == nil {
		return nil
	}
	for _, m := range members {
		if err := read(m.name, m.value); err != nil {
			return err
		}
	}
	return nil
}

// member is one member of an object: its name, escapes resolved, and its value.
type member struct{ name, value []byte }

// few is the number of members up to which comparing each name with all the
// others is faster than sorting them.
const few = 16

// duplicate reports whether two of the members have one name.
func duplicate(members []member) bool {
	if len(members) <= few {
		for i, m := range members {
			for _, other := range members[:i] {
				if bytes.Equal(m.name, other.name) {
					return true
				}
			}
		}
		return false
	}
	names := make([][]byte, len(members))
	for i, m := range members {
		names[i] = m.name
	}
	slices.SortFunc(names, bytes.Compare)
	return len(slices.CompactFunc(names, bytes.Equal)) != len(members)
}
