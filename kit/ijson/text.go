package ijson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendString appends s to dst as a JSON string (RFC 8259, section 7). It escapes the
// quote, the backslash, control characters, and <, > and &, so that the text does no
// harm within HTML. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	s = strings.ToValidUTF8(s, "\ufffd")
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			dst = append(append(dst, s[start:i]...), '\\', c)
		case c < ' ', c == '<', c == '>', c == '&':
			dst = append(append(dst, s[start:i]...), '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			continue
		}
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// text consumes a string and returns its text, escapes resolved: a part of data when
// there are none. The next byte is its opening quote.
func (s *scanner) text() ([]byte, error) {
	s.pos++
	start, escaped := s.pos, false
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			raw := s.data[start:s.pos:s.pos]
			s.pos++
			if escaped {
				raw = unescape(raw)
			}
			return raw, nil
		case c < ' ':
			return nil, ErrSyntax
		case c != '\\':
			s.pos++
		default:
			_, size, err := escape(s.data[s.pos:])
			if err != nil {
				return nil, err
			}
			s.pos += size
			escaped = true
		}
	}
	return nil, ErrSyntax
}

// escape reads the escape that b begins with, or the two that make a surrogate pair,
// and returns what it stands for and how many bytes it has.
func escape(b []byte) (r rune, size int, err error) {
	if len(b) < 2 {
		return 0, 0, ErrSyntax
	}
	if b[1] != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, b[1])
		if i < 0 {
			return 0, 0, ErrSyntax
		}
		return rune("\"\\/\b\f\n\r\t"[i]), 2, nil
	}
	r, ok := unit(b)
	if !ok {
		return 0, 0, ErrSyntax
	}
	if !utf16.IsSurrogate(r) {
		return r, 6, nil
	}
	low, _ := unit(b[6:])
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0, ErrUTF8
	}
	return r, 12, nil
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

// unescape returns raw, which text has accepted, with its escapes resolved.
func unescape(raw []byte) []byte {
	text := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			text = append(text, raw[i])
			i++
			continue
		}
		r, size, _ := escape(raw[i:])
		text = utf8.AppendRune(text, r)
		i += size
	}
	return text
}
