package ijson

// scanner walks one JSON text from pos on and checks the grammar.
type scanner struct {
	data  []byte
	pos   int
	depth int // how many more objects and arrays may open here
}

func (s *scanner) fail(err error) error { return &offsetError{err, s.pos} }

// at reports whether the next byte is c.
func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

// take consumes the next byte if it is c.
func (s *scanner) take(c byte) bool {
	if s.at(c) {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
		s.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// value consumes any JSON value. The objects in it keep their names in what
// room seen has left.
func (s *scanner) value(seen []name) error {
	if s.pos == len(s.data) {
		return s.fail(ErrSyntax)
	}
	switch s.data[s.pos] {
	case '{':
		_, err := s.object(seen, nil)
		return err
	case '[':
		return s.array(seen)
	case '"':
		_, _, err := s.text()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

// object consumes an object; the next byte is its brace. It appends the members
// to list and returns that, unless list is nil. The slices are parameters, not
// fields, because their arrays then stay on the stack of Object.
func (s *scanner) object(seen []name, list []found) ([]found, error) {
	if s.depth <= 0 {
		return nil, s.fail(ErrDepth)
	}
	s.depth--
	s.pos++
	seen = seen[len(seen):]
	s.space()
	if s.take('}') {
		s.depth++
		return list, nil
	}
	for {
		n, err := s.name()
		if err != nil {
			return nil, err
		}
		if len(seen) < fewKeys && knows(seen, n) {
			return nil, &offsetError{ErrDuplicate, n.pos}
		}
		seen = append(seen, n)
		s.space()
		if !s.take(':') {
			return nil, s.fail(ErrSyntax)
		}
		s.space()
		start := s.pos
		if err := s.value(seen); err != nil {
			return nil, err
		}
		if list != nil {
			list = append(list, found{n.key, start, s.pos})
		}
		s.space()
		if s.take('}') {
			break
		}
		if !s.take(',') {
			return nil, s.fail(ErrSyntax)
		}
		s.space()
	}
	s.depth++
	if len(seen) > fewKeys {
		return list, distinct(seen)
	}
	return list, nil
}

// name consumes the name of a member.
func (s *scanner) name() (name, error) {
	pos := s.pos
	if !s.at('"') {
		return name{}, s.fail(ErrSyntax)
	}
	raw, escaped, err := s.text()
	if escaped {
		raw = unescape(make([]byte, 0, len(raw)), raw)
	}
	return name{raw, pos}, err
}

// array consumes an array; the next byte is its bracket.
func (s *scanner) array(seen []name) error {
	if s.depth <= 0 {
		return s.fail(ErrDepth)
	}
	s.depth--
	s.pos++
	s.space()
	if s.take(']') {
		s.depth++
		return nil
	}
	for {
		if err := s.value(seen); err != nil {
			return err
		}
		s.space()
		if s.take(']') {
			s.depth++
			return nil
		}
		if !s.take(',') {
			return s.fail(ErrSyntax)
		}
		s.space()
	}
}

func (s *scanner) literal(word string) error {
	if rest := s.data[s.pos:]; len(rest) < len(word) || string(rest[:len(word)]) != word {
		return s.fail(ErrSyntax)
	}
	s.pos += len(word)
	return nil
}

// number consumes a number: RFC 8259, section 6, of any size.
func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return s.fail(ErrSyntax)
	}
	if s.take('.') && !s.digits() {
		return s.fail(ErrSyntax)
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return s.fail(ErrSyntax)
		}
	}
	return nil
}

// digits consumes digits and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && isDigit(s.data[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
