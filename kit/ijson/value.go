package ijson

import (
	"strconv"
	"unicode/utf8"
)

// Kind tells the type of value, as [Object] returns it, by its first byte: '{'
// object, '[' array, '"' string, '0' number, 't' true or false, 'n' null, and 0 for
// what begins no JSON value.
func Kind(value []byte) byte {
	if len(value) == 0 {
		return 0
	}
	switch c := value[0]; {
	case c == '{' || c == '[' || c == '"' || c == 't' || c == 'n':
		return c
	case c == 'f':
		return 't'
	case c == '-' || isDigit(c):
		return '0'
	}
	return 0
}

// String returns the text of a JSON string, escapes resolved. Anything else is
// [ErrType]: another type, null, an invalid string, or space around it.
func String(value []byte) (string, error) {
	if Kind(value) != '"' || !utf8.Valid(value) {
		return "", ErrType
	}
	s := scanner{data: value}
	text, err := s.text()
	if err != nil || s.pos != len(value) {
		return "", ErrType
	}
	return string(text), nil
}

// Int64 returns the value of a JSON number that is written as an integer, without
// fraction and exponent, from -2^63 to 2^63-1. Anything else is [ErrType]; 1e3 and
// 1.0 are too.
func Int64(value []byte) (int64, error) {
	s := scanner{data: value}
	if s.number() != nil || s.pos != len(value) {
		return 0, ErrType
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return 0, ErrType
	}
	return n, nil
}

// Array calls read for each element of a JSON array, in order, with a part of value
// without the space around it. An error of read ends the walk and is returned as it
// is. Anything that is not an array is [ErrType]: another type, null, an array that
// [Object] would refuse as a value, or space around it. Array finds that out as it
// reads, so read may have been called before.
func Array(value []byte, read func(element []byte) error) error {
	if Kind(value) != '[' || !utf8.Valid(value) {
		return ErrType
	}
	var failed error
	s := scanner{data: value, depth: MaxDepth}
	err := s.list(']', func() error {
		element, err := s.value(nil)
		if err == nil {
			failed = read(element)
			err = failed
		}
		return err
	})
	if failed != nil {
		return failed
	}
	if err != nil || s.pos != len(value) {
		return ErrType
	}
	return nil
}

// Strings returns the elements of a JSON array of strings, escapes resolved; an empty
// array gives an empty slice that is not nil. Anything else is [ErrType]: what [Array]
// refuses, or one element that is no string.
func Strings(value []byte) ([]string, error) {
	list := []string{}
	err := Array(value, func(element []byte) error {
		text, err := String(element)
		if cap(list) == 0 {
			list = make([]string, 0, 4)
		}
		list = append(list, text)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
