package ijson

import (
	"errors"
	"strconv"
)

// What can be wrong with a text. The errors of [Object] wrap the first four and
// say at which byte, counted from 0; none of them holds any of the input.
var (
	// ErrSyntax: the text is not exactly one JSON object. A byte order mark, and
	// anything but white space behind the object, are such errors too.
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

// offsetError is one of the sentinels and where it was found.
type offsetError struct {
	err    error
	offset int
}

func (e *offsetError) Error() string { return e.err.Error() + ", at byte " + strconv.Itoa(e.offset) }
func (e *offsetError) Unwrap() error { return e.err }
