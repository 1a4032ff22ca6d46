package ijson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// text consumes a string; the next byte is its opening quote. It returns what
// stands between the quotes, and whether that has escapes.
func (s *scanner) text() (raw []byte, escaped bool, err error) {
	s.pos++
	start := s.pos
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			raw = s.data[start:s.pos]
			s.pos++
			return raw, escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case c < ' ':
			return nil, false, s.fail(ErrSyntax)
		default:
			s.pos++
		}
	}
	return nil, false, s.fail(ErrSyntax)
}

// escape consumes one escape, or the two that make a surrogate pair.
func (s *scanner) escape() error {
	rest := s.data[s.pos:]
	if len(rest) < 2 {
		return s.fail(ErrSyntax)
	}
	if rest[1] != 'u' {
		if simple[rest[1]] == 0 {
			return s.fail(ErrSyntax)
		}
		s.pos += 2
		return nil
	}
	r, ok := unit(rest)
	if !ok {
		return s.fail(ErrSyntax)
	}
	size := 6
	if utf16.IsSurrogate(r) {
		low, _ := unit(rest[6:])
		if utf16.DecodeRune(r, low) == utf8.RuneError {
			return s.fail(ErrUTF8)
		}
		size = 12
	}
	s.pos += size
	return nil
}

// simple maps the letter of a two-byte escape to what it stands for.
var simple = [256]byte{
	'"': '"', '\\': '\\', '/': '/',
	'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// unit reads the \uXXXX that b begins with.
func unit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends raw, which text has accepted, to dst with its escapes
// resolved. That never makes it longer.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		if c = raw[i+1]; c != 'u' {
			dst = append(dst, simple[c])
			i += 2
			continue
		}
		r, _ := unit(raw[i:])
		i += 6
		if utf16.IsSurrogate(r) {
			low, _ := unit(raw[i:])
			r = utf16.DecodeRune(r, low)
			i += 6
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
