package ijson

import (
	"math"
	"unicode/utf8"
)

// Kind tells the type of value, as [Object] hands it out, by its first byte:
// '{' object, '[' array, '"' string, '0' number, 't' true or false, 'n' null, and
// 0 for what begins no JSON value.
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
	text, err := s.str()
	if err != nil || s.pos != len(value) {
		return "", ErrType
	}
	return text, nil
}

// str consumes a string and returns a copy of its text.
func (s *scanner) str() (string, error) {
	raw, escaped, err := s.text()
	if err != nil {
		return "", err
	}
	if escaped {
		raw = unescape(make([]byte, 0, len(raw)), raw)
	}
	return string(raw), nil
}

// Int64 returns the value of a JSON number that is written as an integer, without
// fraction and exponent, from -2^63 to 2^63-1. Anything else is [ErrType]; 1e3 and
// 1.0 are too.
func Int64(value []byte) (int64, error) {
	digits := value
	negative := len(value) > 0 && value[0] == '-'
	if negative {
		digits = value[1:]
	}
	// The greatest magnitude has 19 digits, which also fit in a uint64.
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(digits) > 1 {
		return 0, ErrType
	}
	var n uint64
	for _, c := range digits {
		if !isDigit(c) {
			return 0, ErrType
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case n <= math.MaxInt64 && negative:
		return -int64(n), nil
	case n <= math.MaxInt64:
		return int64(n), nil
	case negative && n == 1<<63:
		return math.MinInt64, nil
	}
	return 0, ErrType
}

// Strings returns the elements of a JSON array of strings, escapes resolved;
// an empty array gives an empty slice that is not nil. Anything else is [ErrType]:
// another type, null, one element that is no string, or space around it.
func Strings(value []byte) ([]string, error) {
	if Kind(value) != '[' || !utf8.Valid(value) {
		return nil, ErrType
	}
	list := make([]string, 0, 4)
	s := scanner{data: value, pos: 1}
	s.space()
	for closed := s.take(']'); !closed; {
		if !s.at('"') {
			return nil, ErrType
		}
		text, err := s.str()
		if err != nil {
			return nil, ErrType
		}
		list = append(list, text)
		s.space()
		if closed = s.take(']'); !closed {
			if !s.take(',') {
				return nil, ErrType
			}
			s.space()
		}
	}
	if s.pos != len(value) {
		return nil, ErrType
	}
	return list, nil
}

// Elements returns the elements of a JSON array, each a part of value without the
// space around it; an empty array gives an empty slice that is not nil. Anything
// else is [ErrType]: another type, null, an array that [Object] would refuse as
// a value, or space around it.
func Elements(value []byte) ([][]byte, error) {
	if Kind(value) != '[' || !utf8.Valid(value) {
		return nil, ErrType
	}
	list := make([][]byte, 0, 4)
	s := scanner{data: value, pos: 1, depth: MaxDepth}
	s.space()
	for closed := s.take(']'); !closed; {
		start := s.pos
		if s.value(nil) != nil {
			return nil, ErrType
		}
		list = append(list, value[start:s.pos:s.pos])
		s.space()
		if closed = s.take(']'); !closed {
			if !s.take(',') {
				return nil, ErrType
			}
			s.space()
		}
	}
	if s.pos != len(value) {
		return nil, ErrType
	}
	return list, nil
}

// Compact appends value to dst without the white space between its tokens.
// Numbers and strings stay byte for byte as they are. value must be one that
// [Object] has accepted; dst and value must not overlap, unless dst is value[:0].
func Compact(dst, value []byte) []byte {
	quoted := false
	for i := 0; i < len(value); i++ {
		c := value[i]
		if !quoted && isSpace(c) {
			continue
		}
		dst = append(dst, c)
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\\' && i+1 < len(value): // only strings have it
			i++
			dst = append(dst, value[i])
		}
	}
	return dst
}
